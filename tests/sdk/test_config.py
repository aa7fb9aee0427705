import pytest

from hologram_core import config


@pytest.mark.parametrize("text, value", [("4096", 4096), ("64K", 65536), ("5M", 5 << 20), ("1.5G", 3 << 29), ("2GiB", 2 << 30),
                                         ("1 kb", 1024), ("0", 0), ("1T", 1 << 40)])
def test_sizes(text, value):
    assert config.parse_bytes(text) == value


@pytest.mark.parametrize("text", ["", "x", "-1", "12Q", "M", "nan", "inf"])
def test_bad_sizes(text):
    with pytest.raises(ValueError):
        config.parse_bytes(text)


def test_defaults():
    c = config.read({})
    assert (c.fusion, c.sync, c.log, c.guard, c.memory_limit, c.backend, c.fallback, c.mps) == (True, False, 0, False, None, "auto", "allow", True)
    assert c.cpu == "native" and c.cache_dir.name == "hologram" and c.cache_dir.is_absolute() and c.cache_size == 1 << 30


def test_values():
    c = config.read({"HOLOGRAM_FUSION": "0", "HOLOGRAM_SYNC": "1", "HOLOGRAM_LOG": "3", "HOLOGRAM_GUARD": "on",
                     "HOLOGRAM_CACHE_DIR": "/somewhere", "HOLOGRAM_MEMORY_LIMIT": "2G", "HOLOGRAM_BACKEND": "CPU",
                     "HOLOGRAM_FALLBACK": "error", "HOLOGRAM_MPS": "0", "HOLOGRAM_CPU": "x86-64-V3"})
    assert (c.fusion, c.sync, c.log, c.guard, str(c.cache_dir)) == (False, True, 3, True, "/somewhere")
    assert (c.memory_limit, c.backend, c.fallback, c.mps, c.cpu) == (2 << 30, "cpu", "error", False, "x86-64-v3")


def test_recording_has_three_values():
    texts = {"1": True, "on": True, "0": False, "False": False, "force": "force", "FORCE": "force"}
    assert {text: config.read({"HOLOGRAM_FUSION": text}).fusion for text in texts} == texts
    with pytest.raises(ValueError, match="HOLOGRAM_FUSION: 'yes, please' is none of 0, 1 and force"):
        config.read({"HOLOGRAM_FUSION": "yes, please"})


def test_the_cache_stays_where_it_was_when_the_program_moves(tmp_path, monkeypatch):
    for variable, value, rest in (("HOLOGRAM_CACHE_DIR", "here/cache", "here/cache"), ("XDG_CACHE_HOME", "x", "x/hologram")):
        monkeypatch.chdir(tmp_path)
        found = config.read({variable: value}).cache_dir
        monkeypatch.chdir("/")
        assert found == tmp_path / rest
    with pytest.raises(ValueError, match="HOLOGRAM_CACHE_DIR"):
        config.read({"HOLOGRAM_CACHE_DIR": "~no-such-user/x"})
    assert [config.read({"HOLOGRAM_CACHE_SIZE": text}).cache_size for text in ("64M", "0")] == [64 << 20, 0]


@pytest.mark.parametrize("name, value", [("HOLOGRAM_FUSION", "maybe"), ("HOLOGRAM_CACHE_SIZE", "much"), ("HOLOGRAM_LOG", "9"), ("HOLOGRAM_LOG", "-1"),
                                         ("HOLOGRAM_MEMORY_LIMIT", "lots"), ("HOLOGRAM_BACKEND", "tpu"), ("HOLOGRAM_FALLBACK", "2"),
                                         ("HOLOGRAM_CPU", "znver4")])
def test_bad_values_name_the_variable(name, value):
    with pytest.raises(ValueError, match=name):
        config.read({name: value})


def test_switches_with_other_values_are_others():
    given = config.read({"HOLOGRAM_LOG": "2"})
    changed = given.replace(sync=True)
    assert (changed.sync, changed.log, given.sync) == (True, 2, False)
    with pytest.raises(TypeError, match="no switch snyc"):
        given.replace(snyc=True)
    with pytest.raises(AttributeError, match="read once"):
        given.sync = True
