"""The registry over every store: what was published is fetched, and nothing else ever is."""

import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from obstore.store import LocalStore, ObjectStore

from models.registry.publish import publish
from service.adapters.model_check import check_folder, hash_files
from service.adapters.model_registry import ModelRegistry
from service.adapters.signing import TrustedKeys, make_key, read_private_key, sign
from service.core.errors import Refused, Unavailable
from service.core.manifest import canonical_manifest
from tests.model_folders import METRICS, NAME, make_folder, write_manifest
from tests.torn_store import Torn

NOBODY = TrustedKeys({})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_folder(tmp_path / "model")


@pytest.fixture
def key(tmp_path: Path) -> Path:
    make_key(tmp_path / "key")
    return tmp_path / "key"


def reader(store: ObjectStore, tmp_path: Path, **limits: Any) -> ModelRegistry:
    trusted = limits.pop("trusted", NOBODY)
    return ModelRegistry(store, tmp_path / "cache", trusted=trusted, **limits)


def objects(store: ObjectStore) -> dict[str, bytes]:
    return {m["path"]: bytes(store.get(m["path"]).bytes()) for m in store.list().collect()}


def cached(tmp_path: Path) -> list[str]:
    here = tmp_path / "cache" / NAME
    return sorted(path.name for path in here.iterdir()) if here.exists() else []


def test_what_was_published_is_listed_and_fetched(
    store: ObjectStore, folder: Path, tmp_path: Path
) -> None:
    done = publish(folder, store, NAME)
    registry = reader(store, tmp_path)
    assert (done.is_new, done.signed_by) == (True, None)
    assert registry.versions(NAME) == [done.version]
    fetched = registry.fetch(NAME, done.version)
    mine = hash_files(fetched)
    assert {**mine, **hash_files(folder)} == mine, "every file as it was"
    assert mine.keys() - hash_files(folder).keys() == {"card.md"}
    manifest = registry.manifest(NAME, done.version)
    assert (manifest.name, manifest.version) == (NAME, done.version)
    assert manifest.exported_as == {"name": "segue-mlp", "version": "0" * 12}
    assert manifest.metrics == METRICS


def test_publishing_the_same_again_changes_nothing(store: ObjectStore, folder: Path) -> None:
    first = publish(folder, store, NAME)
    before = objects(store)
    (folder / "lineage.json").write_text('{"eventTime": "later"}')  # a document: no other version
    again = publish(folder, store, NAME)
    assert (again.version, again.is_new) == (first.version, False)
    assert objects(store) == before


def test_other_weights_are_another_version(store: ObjectStore, tmp_path: Path) -> None:
    one = publish(make_folder(tmp_path / "1", seed=1), store, NAME)
    two = publish(make_folder(tmp_path / "2", seed=2), store, NAME)
    assert one.version != two.version
    assert reader(store, tmp_path).versions(NAME) == [one.version, two.version]


def test_another_content_under_the_same_version_is_refused(
    store: ObjectStore, folder: Path
) -> None:
    publish(folder, store, NAME)
    before = objects(store)
    write_manifest(folder, {"metrics": {"test": {"skip": {"auc": 0.99}}}})
    with pytest.raises(Refused, match="was published with another metrics, seed and stays"):
        publish(folder, store, NAME)
    assert objects(store) == before


def test_of_two_publishers_of_one_version_the_first_one_s_manifest_stays(
    store: ObjectStore, folder: Path, tmp_path: Path
) -> None:
    other = make_folder(tmp_path / "other", metrics={"test": {"skip": {"auc": 0.99}}})
    overtaken = Torn.overtaken(store, "manifest.json", lambda: publish(other, store, NAME))
    with pytest.raises(Refused, match="published by somebody else at this moment"):
        publish(folder, overtaken, NAME)
    registry = reader(store, tmp_path)
    (version,) = registry.versions(NAME)
    assert registry.manifest(NAME, version).metrics["test"]["skip"]["auc"] == 0.99


def test_models_of_other_names_are_not_seen(
    store: ObjectStore, folder: Path, tmp_path: Path
) -> None:
    done = publish(folder, store, "other")
    registry = reader(store, tmp_path)
    assert registry.versions(NAME) == []
    with pytest.raises(Refused, match="the registry has no version"):
        registry.fetch(NAME, done.version)


@pytest.mark.parametrize(
    "part", ["ranker.onnx", "index/index.json", "manifest.sig", "manifest.json"]
)
def test_a_publisher_that_dies_leaves_no_version_and_can_begin_again(
    store: ObjectStore, folder: Path, tmp_path: Path, key: Path, part: str
) -> None:
    private = read_private_key(key)
    with pytest.raises(Unavailable, match="torn"):
        publish(folder, Torn.putting(store, part), NAME, key=private)
    registry = reader(store, tmp_path)
    assert registry.versions(NAME) == []
    where = next(iter(objects(store)), f"{NAME}/versions/{'0' * 12}/x").rpartition("/")[0]
    store.put(f"{where}/leftover.onnx", b"of an upload that was given up")
    done = publish(folder, store, NAME, key=private)
    trusted = TrustedKeys.load([key.with_name("key.pub")])
    assert reader(store, tmp_path, trusted=trusted).fetch(NAME, done.version).is_dir()


def test_a_version_that_went_up_unsigned_is_signed_by_publishing_it_again(
    store: ObjectStore, folder: Path, tmp_path: Path, key: Path
) -> None:
    version = publish(folder, store, NAME).version
    registry = reader(store, tmp_path, trusted=TrustedKeys.load([key.with_name("key.pub")]))
    with pytest.raises(Refused, match="is not signed"):
        registry.fetch(NAME, version)
    again = publish(folder, store, NAME, key=read_private_key(key))
    assert not again.is_new
    assert again.signed_by is not None
    assert registry.fetch(NAME, version).is_dir()


def replace_graph(store: ObjectStore, where: str) -> None:
    graph = bytearray(store.get(f"{where}/ranker.onnx").bytes())
    graph[7] ^= 1
    store.put(f"{where}/ranker.onnx", bytes(graph))


def drop_a_file(store: ObjectStore, where: str) -> None:
    store.delete(f"{where}/index/index.json")


def add_a_file(store: ObjectStore, where: str) -> None:
    store.put(f"{where}/extra.onnx", b"not named")


def change_the_manifest(store: ObjectStore, where: str) -> None:
    manifest = json.loads(bytes(store.get(f"{where}/manifest.json").bytes()))
    store.put(f"{where}/manifest.json", canonical_manifest({**manifest, "opset": 22}))


def take_the_signature_away(store: ObjectStore, where: str) -> None:
    store.delete(f"{where}/manifest.sig")


def sign_it_oneself(store: ObjectStore, where: str) -> None:
    stranger = read_private_key(Path(os.environ["STRANGER"]))
    manifest = bytes(store.get(f"{where}/manifest.json").bytes())
    store.put(f"{where}/manifest.sig", sign(stranger, manifest))


TAMPERING = [
    (replace_graph, "ranker.onnx is not the file that the manifest names"),
    (drop_a_file, "index/index.json is missing"),
    (add_a_file, "extra.onnx is not named by the manifest"),
    (change_the_manifest, "was changed after key"),
    (take_the_signature_away, "is not signed"),
    (sign_it_oneself, "trusted are"),
]


@pytest.mark.parametrize(
    ("tamper", "says"), TAMPERING, ids=lambda one: getattr(one, "__name__", "")
)
def test_a_version_that_was_tampered_with_is_never_seen_in_the_cache(  # noqa: PLR0917
    store: ObjectStore,
    folder: Path,
    tmp_path: Path,
    key: Path,
    tamper: Callable[[ObjectStore, str], None],
    says: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make_key(tmp_path / "stranger")
    monkeypatch.setenv("STRANGER", str(tmp_path / "stranger"))
    version = publish(folder, store, NAME, key=read_private_key(key)).version
    registry = reader(store, tmp_path, trusted=TrustedKeys.load([key.with_name("key.pub")]))
    tamper(store, f"{NAME}/versions/{version}")
    with pytest.raises(Refused, match=says):
        registry.fetch(NAME, version)
    assert cached(tmp_path) == []


def test_an_old_signed_version_does_not_pass_for_a_new_one(
    store: ObjectStore, tmp_path: Path, key: Path
) -> None:
    private = read_private_key(key)
    old = publish(make_folder(tmp_path / "1", seed=1), store, NAME, key=private).version
    new = publish(make_folder(tmp_path / "2", seed=2), store, NAME, key=private).version
    for path, content in objects(store).items():
        if old in path:
            store.put(path.replace(old, new), content)
    registry = reader(store, tmp_path, trusted=TrustedKeys.load([key.with_name("key.pub")]))
    with pytest.raises(Refused, match=f"{new} holds the manifest of {NAME} {old}"):
        registry.fetch(NAME, new)


def test_other_files_do_not_pass_for_a_version_though_nobody_asks_for_signatures(
    store: ObjectStore, folder: Path, tmp_path: Path
) -> None:
    where = f"{NAME}/versions/{publish(folder, store, NAME).version}"
    manifest = json.loads(bytes(store.get(f"{where}/manifest.json").bytes()))
    store.put(f"{where}/ranker.onnx", b"other")
    manifest["sha256"]["ranker.onnx"] = sha256(b"other").hexdigest()
    store.put(f"{where}/manifest.json", canonical_manifest(manifest))
    with pytest.raises(Refused, match="its files are not of this version"):
        reader(store, tmp_path).fetch(NAME, manifest["version"])


@pytest.mark.parametrize("version", ["../../etc", "latest", "", "0" * 13, "/" + "0" * 11])
def test_a_version_s_name_cannot_lead_out_of_the_registry(
    store: ObjectStore, tmp_path: Path, version: str
) -> None:
    with pytest.raises(Refused, match="is no version"):
        reader(store, tmp_path).fetch(NAME, version)
    with pytest.raises(Refused, match="is no name of a model"):
        reader(store, tmp_path).fetch("../up", "0" * 12)


def test_what_is_larger_than_allowed_is_not_fetched(
    store: ObjectStore, folder: Path, tmp_path: Path
) -> None:
    version = publish(folder, store, NAME).version
    with pytest.raises(Refused, match="at most 3000 are fetched"):
        reader(store, tmp_path, bytes_max=3000).fetch(NAME, version)
    assert cached(tmp_path) == []


def test_a_download_that_breaks_leaves_nothing_and_succeeds_later(
    store: ObjectStore, folder: Path, tmp_path: Path
) -> None:
    version = publish(folder, store, NAME).version
    with pytest.raises(Unavailable, match="torn"):
        reader(Torn.getting(store, "ranker.onnx"), tmp_path).fetch(NAME, version)
    assert cached(tmp_path) == []
    assert reader(store, tmp_path).fetch(NAME, version).is_dir()


def test_a_file_that_grows_while_it_is_fetched_is_cut_off(
    store: ObjectStore, folder: Path, tmp_path: Path
) -> None:
    version = publish(folder, store, NAME).version
    growing = Torn.growing(store, "ranker.onnx")
    with pytest.raises(Refused, match="publish a smaller model"):
        reader(growing, tmp_path, bytes_max=10_000).fetch(NAME, version)
    assert cached(tmp_path) == []


def test_a_sound_copy_in_the_cache_needs_no_store(
    store: ObjectStore, folder: Path, tmp_path: Path
) -> None:
    version = publish(folder, store, NAME).version
    fetched = reader(store, tmp_path).fetch(NAME, version)
    assert reader(Torn.getting(store, ""), tmp_path).fetch(NAME, version) == fetched


def test_a_copy_that_was_changed_is_fetched_anew(
    store: ObjectStore, folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    version = publish(folder, store, NAME).version
    fetched = reader(store, tmp_path).fetch(NAME, version)
    (fetched / "ranker.onnx").write_bytes(b"other")
    again = reader(store, tmp_path).fetch(NAME, version)
    assert (again / "ranker.onnx").read_bytes() == (folder / "ranker.onnx").read_bytes()
    assert "the cached copy is dropped" in caplog.text


def test_a_link_in_the_cached_copy_is_not_followed(
    store: ObjectStore, folder: Path, tmp_path: Path
) -> None:
    version = publish(folder, store, NAME).version
    fetched = reader(store, tmp_path).fetch(NAME, version)
    (fetched / "ranker.onnx").unlink()
    (fetched / "ranker.onnx").symlink_to(folder / "ranker.onnx")  # the right bytes, for now
    again = reader(store, tmp_path).fetch(NAME, version)
    assert not (again / "ranker.onnx").is_symlink()


def test_the_cache_keeps_what_was_used_last(store: ObjectStore, tmp_path: Path) -> None:
    registry = reader(store, tmp_path, cache_versions=2)
    made = [publish(make_folder(tmp_path / str(n), seed=n), store, NAME).version for n in range(3)]
    for at, version in enumerate([made[0], made[1], made[0]]):
        os.utime(registry.fetch(NAME, version), (at, at))
    registry.fetch(NAME, made[2])
    assert cached(tmp_path) == sorted([made[0], made[2]])


def test_workers_of_one_machine_share_the_cache(store: ObjectStore, tmp_path: Path) -> None:
    made = [publish(make_folder(tmp_path / str(n), seed=n), store, NAME).version for n in range(3)]
    with ThreadPoolExecutor(6) as workers:
        wanted = made * 6
        registries = [reader(store, tmp_path, cache_versions=4) for _ in wanted]
        fetched = list(workers.map(ModelRegistry.fetch, registries, [NAME] * 18, wanted))
    assert [folder.name for folder in fetched] == wanted
    assert cached(tmp_path) == sorted(made)
    for folder in fetched:
        check_folder(folder, NAME, folder.name, NOBODY)


def test_what_a_killed_download_left_is_removed_once_it_is_old(
    store: ObjectStore, folder: Path, tmp_path: Path
) -> None:
    version = publish(folder, store, NAME).version
    here = tmp_path / "cache" / NAME
    for name, age_s in ((".partial-old", 7_200), (".partial-young", 0)):
        (here / name).mkdir(parents=True)
        then = os.stat(here).st_mtime - age_s
        os.utime(here / name, (then, then))
    reader(store, tmp_path).fetch(NAME, version)
    assert cached(tmp_path) == sorted([".partial-young", version])


def test_a_folder_with_a_link_is_not_published(
    store: ObjectStore, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("not ours")
    (folder / "index" / "more.json").symlink_to(tmp_path / "secret")
    with pytest.raises(Refused, match="is a link or a device"):
        publish(folder, store, NAME)
    assert objects(store) == {}


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda folder: (folder / "manifest.json").unlink(), "no model in"),
        (lambda folder: (folder / "manifest.json").write_text("[]"), "is no manifest"),
        (lambda folder: (folder / "ranker.onnx").unlink(), "has no ranker.onnx"),
        (lambda folder: (folder / "index" / "index.json").unlink(), "index.json is missing"),
        (lambda folder: (folder / "more.onnx").write_bytes(b"x"), "more.onnx is not named"),
        (lambda folder: (folder / "ranker.onnx").write_bytes(b"x"), "ranker.onnx is not the file"),
        (lambda folder: (folder / "gate.json").write_text("{}"), "is no verdict of the gate"),
    ],
)
def test_a_folder_that_is_not_what_its_manifest_says_is_not_published(
    store: ObjectStore, folder: Path, damage: Callable[[Path], object], says: str
) -> None:
    damage(folder)
    with pytest.raises(Refused, match=says):
        publish(folder, store, NAME)
    assert objects(store) == {}


def test_a_link_in_a_local_registry_gives_no_other_file(folder: Path, tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "r", mkdir=True)
    version = publish(folder, store, NAME).version
    graph = tmp_path / "r" / NAME / "versions" / version / "ranker.onnx"
    graph.unlink()
    (tmp_path / "secret").write_text("not ours")
    graph.symlink_to(tmp_path / "secret")
    with pytest.raises(Refused, match=r"ranker\.onnx"):
        reader(store, tmp_path).fetch(NAME, version)
    assert cached(tmp_path) == []
