"""Learns to balance a pole with PPO; the update is captured and replayed (torch.hologram.jit).

    python examples/07_jit_rl.py
    python examples/07_jit_rl.py --plain --seed 3
"""

import argparse
import time

import torch
import torch.nn.functional as F
from torch import nn

POLES, STEPS, MINIBATCHES, EPOCHS = 16, 128, 4, 4


class CartPole:
    """Many carts with a pole each (Barto, Sutton, Anderson 1983): a push left or right per step; an episode ends when the pole
    falls, the cart leaves the track, or after 500 steps. On the CPU, all at once."""

    def __init__(self, count, generator):
        self.count, self.generator = count, generator
        self.state, self.age = self.start(count), torch.zeros(count)

    def start(self, count):
        return torch.rand(count, 4, generator=self.generator) * 0.1 - 0.05

    def step(self, action):
        """(observations, done, lengths of the episodes that ended) after `action` (0 or 1) of each cart."""
        x, dx, angle, turn = self.state.unbind(1)
        push = torch.where(action == 1, 10.0, -10.0)
        sin, cos = angle.sin(), angle.cos()
        inner = (push + 0.05 * turn ** 2 * sin) / 1.1
        turning = (9.8 * sin - cos * inner) / (0.5 * (4 / 3 - 0.1 * cos ** 2 / 1.1))
        moving = inner - 0.05 * turning * cos / 1.1
        self.state = torch.stack([x + 0.02 * dx, dx + 0.02 * moving, angle + 0.02 * turn, turn + 0.02 * turning], 1)
        self.age += 1
        done = (self.state[:, 0].abs() > 2.4) | (self.state[:, 2].abs() > 0.2095) | (self.age >= 500)
        lengths = self.age[done].tolist()
        self.state[done] = self.start(int(done.sum()))
        self.age[done] = 0
        return self.state.clone(), done, lengths


def network(outputs):
    return nn.Sequential(nn.Linear(4, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, outputs))


class Agent:
    def __init__(self, jit):
        self.actor, self.critic = network(2).to("hologram"), network(1).to("hologram")
        self.parameters = [*self.actor.parameters(), *self.critic.parameters()]
        self.optimizer = torch.optim.Adam(self.parameters, lr=2.5e-3, eps=1e-5)
        wrap = torch.hologram.jit if jit else lambda function: function
        self.act, self.update = wrap(self.plain_act), wrap(self.plain_update)

    @torch.no_grad()
    def plain_act(self, observation):
        """(action, its log-probability, value) of each row."""
        logp = F.log_softmax(self.actor(observation), -1)
        action = torch.multinomial(logp.exp(), 1).squeeze(1)
        return action, logp.gather(1, action[:, None]).squeeze(1), self.critic(observation).squeeze(1)

    def plain_update(self, observation, action, old, advantage, target):
        """One step of PPO (Schulman and others 2017) on a minibatch."""
        logp = F.log_softmax(self.actor(observation), -1)
        entropy = -(logp.exp() * logp).sum(-1).mean()
        ratio = (logp.gather(1, action[:, None]).squeeze(1) - old).exp()
        advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
        policy_loss = -torch.min(ratio * advantage, ratio.clamp(0.8, 1.2) * advantage).mean()
        loss = policy_loss + 0.5 * F.mse_loss(self.critic(observation).squeeze(-1), target) - 0.01 * entropy
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.parameters, 0.5)
        self.optimizer.step()
        return loss.detach()


def rollout(agent, poles, observation):
    """STEPS of each cart: (rows for `update`, the last observation, lengths of episodes)."""
    kept, lengths, done = [], [], torch.zeros(poles.count, dtype=torch.bool)
    for _ in range(STEPS):
        action, logp, value = (t.cpu() for t in agent.act(observation.to("hologram")))
        following, done, ended = poles.step(action)
        kept.append((observation, action, logp, value, done))
        lengths += ended
        observation = following
    value = agent.act(observation.to("hologram"))[2].cpu()
    gain, rows = torch.zeros(poles.count), []
    for seen, action, logp, estimate, done in reversed(kept):      # generalised advantages, from the end
        alive = (~done).float()
        gain = 1 + 0.99 * value * alive - estimate + 0.99 * 0.95 * gain * alive
        rows.append((seen, action, logp, gain, gain + estimate))
        value = estimate
    return [torch.cat(column) for column in zip(*rows, strict=True)], observation, lengths


def learn(seed=0, jit=True, enough=450, updates=150, progress=print):
    """(mean length of the last episodes after each round, seconds of all updates, number of updates)."""
    torch.manual_seed(seed)
    numbers = torch.Generator().manual_seed(seed)
    agent, poles = Agent(jit), CartPole(POLES, numbers)
    observation, recent, curve, seconds, count = poles.state.clone(), [], [], 0.0, 0
    for round_number in range(updates):
        rows, observation, lengths = rollout(agent, poles, observation)
        recent = (recent + lengths)[-40:]
        begin = time.perf_counter()
        for _ in range(EPOCHS):
            for chosen in torch.randperm(len(rows[0]), generator=numbers).chunk(MINIBATCHES):
                agent.update(*(column[chosen].to("hologram") for column in rows))
                count += 1
        torch.hologram.synchronize()
        seconds += time.perf_counter() - begin
        curve.append(sum(recent) / max(1, len(recent)))
        if round_number % 10 == 9:
            progress(f"round {round_number + 1}: episodes last {curve[-1]:.0f} steps")
        if len(recent) == 40 and curve[-1] >= enough:
            break
    return curve, seconds, count


def drawn(curve, height=8, width=60):
    """The learning curve as lines of text, 500 at the top."""
    points = [curve[int(i * (len(curve) - 1) / (width - 1))] for i in range(width)] if len(curve) > 1 else curve
    return "\n".join(f"{500 * (level + 1) // height:>4} |" + "".join("*" if 500 * level / height <= p else " " for p in points)
                     for level in reversed(range(height)))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--plain", action="store_true", help="without jit")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    begin = time.perf_counter()
    curve, seconds, count = learn(chosen.seed, not chosen.plain)
    print(drawn(curve))
    print(f"episodes last {curve[-1]:.0f} of 500 steps after {len(curve)} rounds, {time.perf_counter() - begin:.0f} s in all")
    print(f"an update took {1e6 * seconds / count:.0f} us", end="")
    if chosen.plain:
        print()
        return
    _, plain, number = learn(chosen.seed, False, updates=5, progress=lambda text: None)
    print(f", {1e6 * plain / number:.0f} us without jit")


if __name__ == "__main__":
    main()
