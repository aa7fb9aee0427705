"""The same steps under `jax.jit` with donated arguments, in a process that runs a batch for each line it reads: what
benchmarks.plans compares with.

    python -m benchmarks.plans_jax "policy 8-64-64-4 forward, batch 1"
"""

import sys
import time

import jax
import jax.numpy as jnp
import numpy as np


def layers(*sizes):
    numbers = np.random.default_rng(0)
    return [(jnp.asarray(numbers.uniform(-1, 1, (a, b)) / a ** 0.5, jnp.float32), jnp.zeros(b)) for a, b in zip(sizes, sizes[1:])]


def dense(parameters, x, activation):
    for weight, bias in parameters[:-1]:
        x = activation(x @ weight + bias)
    weight, bias = parameters[-1]
    return x @ weight + bias


def adam(state, gradients, rate):
    parameters, first, second, count = state
    count = count + 1
    first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, first, gradients)
    second = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, second, gradients)
    size, root = rate / (1 - 0.9 ** count), jnp.sqrt(1 - 0.999 ** count)
    parameters = jax.tree.map(lambda p, m, v: p - size * m / (jnp.sqrt(v) / root + 1e-8), parameters, first, second)
    return parameters, first, second, count


def start(parameters):
    zeros = jax.tree.map(jnp.zeros_like, parameters)
    return parameters, zeros, jax.tree.map(jnp.zeros_like, parameters), jnp.zeros(())


def classifier(sizes, batch):
    x, y = jnp.asarray(np.random.default_rng(1).standard_normal((batch, sizes[0])), jnp.float32), jnp.arange(batch) % sizes[-1]

    def loss(parameters, x, y):
        logp = jax.nn.log_softmax(dense(parameters, x, jax.nn.relu))
        return -jnp.take_along_axis(logp, y[:, None], 1).mean()

    def step(state, x, y):
        value, gradients = jax.value_and_grad(loss)(state[0], x, y)
        return value, adam(state, gradients, 1e-3)

    return step, start(layers(*sizes)), (x, y)


def ppo():
    numbers = np.random.default_rng(1)
    n = 64
    given = [jnp.asarray(a, jnp.float32) for a in (numbers.standard_normal((n, 8)), numbers.standard_normal(n) * 0.1 - 1.4,
                                                   numbers.standard_normal(n), numbers.standard_normal(n))]
    actions = jnp.arange(n) % 4

    def loss(parameters, observations, old, advantages, returns):
        logp = jax.nn.log_softmax(dense(parameters[0], observations, jnp.tanh))
        entropy = -(jnp.exp(logp) * logp).sum(-1).mean()
        ratio = jnp.exp(jnp.take_along_axis(logp, actions[:, None], 1)[:, 0] - old)
        advantages = (advantages - advantages.mean()) / (advantages.std(ddof=1) + 1e-8)
        policy_loss = -jnp.minimum(ratio * advantages, jnp.clip(ratio, 0.8, 1.2) * advantages).mean()
        value_loss = jnp.square(dense(parameters[1], observations, jnp.tanh)[:, 0] - returns).mean()
        return policy_loss + 0.5 * value_loss - 0.01 * entropy

    def step(state, *given):
        value, gradients = jax.value_and_grad(loss)(state[0], *given)
        norm = jnp.sqrt(sum(jnp.square(g).sum() for g in jax.tree.leaves(gradients)))
        gradients = jax.tree.map(lambda g: g * jnp.minimum(0.5 / (norm + 1e-6), 1.0), gradients)
        return value, adam(state, gradients, 3e-4)

    return step, start([layers(8, 64, 64, 4), layers(8, 64, 64, 1)]), given


def rk4():
    parameters = layers(4, 32, 4)

    def step(x):
        def one(x, _):
            h = 0.05
            k1 = dense(parameters, x, jnp.tanh)
            k2 = dense(parameters, x + h / 2 * k1, jnp.tanh)
            k3 = dense(parameters, x + h / 2 * k2, jnp.tanh)
            k4 = dense(parameters, x + h * k3, jnp.tanh)
            return x + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4), None
        return None, jax.lax.scan(one, x, None, length=20, unroll=True)[0]

    return step, jnp.ones((256, 4)), ()


def policy():
    parameters = layers(8, 64, 64, 4)
    return lambda x: (dense(parameters, x, jnp.tanh), x), jnp.ones((1, 8)), ()


PROGRAMS = {"MLP 784-128-10, batch 32, Adam": lambda: classifier((784, 128, 10), 32),
            "MLP 8-64-64-4, batch 64, Adam": lambda: classifier((8, 64, 64, 4), 64),
            "PPO update, 8-64-64, batch 64": ppo, "RK4, 20 steps, 4-32-4, batch 256": rk4, "policy 8-64-64-4 forward, batch 1": policy}


def main():
    step, state, given = PROGRAMS[sys.argv[1]]()
    compiled = jax.jit(step, donate_argnums=0)
    calls = 1
    print("ready", flush=True)
    for line in sys.stdin:
        calls = int(line) or calls
        wall, cpu = time.perf_counter(), time.process_time()
        for _ in range(calls):
            value, state = compiled(state, *given)
        jax.block_until_ready((value, state))
        print(*(1e6 * (clock() - begin) / calls for clock, begin in ((time.perf_counter, wall), (time.process_time, cpu))), flush=True)


if __name__ == "__main__":
    main()
