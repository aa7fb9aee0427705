"""torch.nn's layers on hologram's kernels: same arguments, same parameters, same state_dict, for CPU and hologram tensors."""

from __future__ import annotations

import torch.nn

from . import functional


class Linear(torch.nn.Linear):
    def forward(self, x):
        return functional.linear(None, x, self.weight, self.bias)


class ReLU(torch.nn.ReLU):
    def forward(self, x):
        return functional.relu(None, x, self.inplace)


class Sigmoid(torch.nn.Sigmoid):
    def forward(self, x):
        return functional.sigmoid(None, x)


class Tanh(torch.nn.Tanh):
    def forward(self, x):
        return functional.tanh(None, x)


class GELU(torch.nn.GELU):
    def forward(self, x):
        return functional.gelu(None, x, self.approximate)


class Softmax(torch.nn.Softmax):
    def forward(self, x):
        return functional.softmax(None, x, self.dim)


class LogSoftmax(torch.nn.LogSoftmax):
    def forward(self, x):
        return functional.log_softmax(None, x, self.dim)


class LayerNorm(torch.nn.LayerNorm):
    def forward(self, x):
        return functional.layer_norm(None, x, self.normalized_shape, self.weight, self.bias, self.eps)


class Dropout(torch.nn.Dropout):
    def forward(self, x):
        return functional.dropout(None, x, self.p, self.training, self.inplace)


class MSELoss(torch.nn.MSELoss):
    def forward(self, pred, target):
        return functional.mse_loss(None, pred, target, self.reduction)


class CrossEntropyLoss(torch.nn.CrossEntropyLoss):
    def forward(self, pred, target):
        return functional.cross_entropy(None, pred, target, self.weight, self.ignore_index, self.reduction, self.label_smoothing)


class BCELoss(torch.nn.BCELoss):
    def forward(self, pred, target):
        return functional.binary_cross_entropy(None, pred, target, self.weight, self.reduction)
