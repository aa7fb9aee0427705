"""Checks that hold on the fake of every GPU: the module that imports them chooses the backend."""

import threading

import torch

DEVICE = "hologram"
hologram = torch.hologram


def test_each_thread_has_its_stream():
    side = torch.Stream(DEVICE)
    seen = []
    with side:
        thread = threading.Thread(target=lambda: seen.append(hologram.current_stream().stream_id))
        thread.start()
        thread.join()
    assert seen == [0]


def test_copies_between_devices_are_ordered_with_both():
    a = torch.ones(1 << 18, device="hologram:0")
    hologram.synchronize(0)
    a.mul_(3)
    b = a.to("hologram:1")
    a.zero_()                                 # after the copy, although nobody waited
    assert b.sum().item() == 3.0 * (1 << 18) and a.sum().item() == 0


def test_each_device_has_its_generator():
    torch.manual_seed(3)
    first = torch.randn(5, device="hologram:1").tolist()
    torch.randn(5, device="hologram:0")
    torch.manual_seed(3)
    torch.randn(99, device="hologram:0"), torch.randperm(9, device="hologram:0")
    assert torch.randn(5, device="hologram:1").tolist() == first
