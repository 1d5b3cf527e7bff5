"""The container files hang together. There is no engine here: they are parsed and cross-checked."""

import importlib.util
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from service.embedded.topics import topic_specs
from service.healthcheck import port_of, why_unhealthy
from service.settings import Settings, check_names, explain

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "docker"
_INSTRUCTIONS = """
ADD ARG CMD COPY ENTRYPOINT ENV EXPOSE FROM HEALTHCHECK LABEL ONBUILD RUN SHELL STOPSIGNAL USER
VOLUME WORKDIR
"""
_SERVICE_KEYS = """
build cap_drop command depends_on entrypoint environment healthcheck image ports read_only restart
security_opt stop_grace_period tmpfs volumes
"""
CONDITIONS = {"service_started", "service_healthy", "service_completed_successfully"}


def instructions() -> list[tuple[str, str]]:
    """Each instruction of the Dockerfile with its arguments, continuation lines joined."""
    text = (DOCKER / "Dockerfile").read_text()
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    pairs = [line.split(maxsplit=1) for line in joined.splitlines() if line.strip()]
    return [(name, rest) for name, rest in pairs]


def arguments(name: str) -> list[str]:
    return [rest for found, rest in instructions() if found == name]


def compose() -> dict[str, Any]:
    return yaml.safe_load((DOCKER / "compose.yaml").read_text())  # type: ignore[no-any-return]


def services() -> dict[str, dict[str, Any]]:
    return compose()["services"]  # type: ignore[no-any-return]


def commands() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return set(project["entry-points"]["segue.commands"])


def environment_of_image() -> dict[str, str]:
    pairs = [pair.split("=", 1) for line in arguments("ENV") for pair in line.split()]
    return {name: value for name, value in pairs}


def test_every_line_of_the_dockerfile_is_an_instruction() -> None:
    assert {name for name, _ in instructions()} <= set(_INSTRUCTIONS.split())
    stages = [rest.split(" AS ") for rest in arguments("FROM")]
    assert [len(stage) for stage in stages] == [2, 1], "one build stage, then the image"


def test_every_copied_file_exists_and_passes_the_ignore_file() -> None:
    ignore = (DOCKER / "Dockerfile.dockerignore").read_text().splitlines()
    allowed = [line[1:] for line in ignore if line.startswith("!")]
    copied = [
        source
        for rest in arguments("COPY")
        if not rest.startswith("--from")
        for source in rest.split()[:-1]
    ]
    assert copied
    for source in copied:
        assert (ROOT / source).exists(), source
        assert source in allowed, f"{source} is not let through by Dockerfile.dockerignore"


def test_a_stage_is_only_copied_from_after_it_was_built() -> None:
    built = [rest.split(" AS ")[1] for rest in arguments("FROM") if " AS " in rest]
    used = re.findall(r"--from=(\w+)", " ".join(arguments("COPY")))
    assert set(used) <= set(built)


def test_the_image_runs_without_root_and_ends_on_sigterm() -> None:
    assert arguments("USER") == ["10001:10001"]
    assert arguments("STOPSIGNAL") == ["SIGTERM"]
    (check,) = arguments("HEALTHCHECK")
    module = re.findall(r'"-m", "([\w.]+)"', check)
    assert [importlib.util.find_spec(name) is not None for name in module] == [True]


def test_the_lock_that_the_image_installs_pins_every_package_by_hash() -> None:
    install = "--require-hashes -r docker/requirements-image.lock"
    assert any(install in run for run in arguments("RUN"))
    pins = re.split(r"\n(?=\S)", (DOCKER / "requirements-image.lock").read_text().strip())
    pins = [pin for pin in pins if not pin.startswith("#")]
    assert pins
    assert all("==" in pin and "--hash=sha256:" in pin for pin in pins)


def test_no_file_names_a_registry() -> None:
    images = [one["image"] for one in services().values() if "image" in one]
    bases = [rest.split()[0] for rest in arguments("FROM")]
    for image in (*images, *bases):
        assert "." not in image.split("/")[0].split(":")[0], image


def test_every_setting_named_is_a_setting_with_a_valid_value(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given = [one["environment"] for one in services().values() if "environment" in one]
    for environment in (environment_of_image(), *given):
        ours = {name: text for name, text in environment.items() if name.startswith("SEGUE_")}
        check_names(ours)
        for name, text in ours.items():
            monkeypatch.setenv(name, text)
        shown = {row.variable: row.value for row in explain(Settings())}
        assert {name: shown[name] for name in ours} == ours


@pytest.mark.parametrize("name", services())
def test_a_service_uses_known_keys_and_waits_for_services_that_exist(name: str) -> None:
    one = services()[name]
    assert set(one) <= set(_SERVICE_KEYS.split())
    for other, how in one.get("depends_on", {}).items():
        waited = services()[other]
        assert how["condition"] in CONDITIONS
        if how["condition"] == "service_healthy":
            assert "test" in waited["healthcheck"]
        if how["condition"] == "service_completed_successfully":
            assert waited["restart"] == "no"


def test_volumes_that_are_mounted_are_declared() -> None:
    mounted = {
        mount.split(":")[0] for one in services().values() for mount in one.get("volumes", ())
    }
    assert mounted == set(compose()["volumes"])


def test_services_start_commands_that_exist() -> None:
    for name in ("worker-1", "worker-2", "api"):
        assert services()[name]["command"][0] in commands()
    assert arguments("ENTRYPOINT") == ['["segue"]']
    (module,) = [word for word in services()["topics"]["entrypoint"] if word.startswith("service.")]
    assert importlib.util.find_spec(module)
    compile(services()["catalogue"]["command"][0], "compose.yaml", "exec")
    assert importlib.util.find_spec("loadtest.world_folder")


def listeners(text: str) -> Iterator[tuple[str, str, str]]:
    for listener in text.split(","):
        name, address = listener.split("://")
        host, _, port = address.rpartition(":")
        yield name, host, port


def test_each_listener_is_advertised_under_the_name_its_clients_use() -> None:
    kafka = services()["kafka"]["environment"]
    listening = {name: port for name, _, port in listeners(kafka["KAFKA_LISTENERS"])}
    advertised = {
        name: (host, port) for name, host, port in listeners(kafka["KAFKA_ADVERTISED_LISTENERS"])
    }
    protocols = dict(
        pair.split(":") for pair in kafka["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"].split(",")
    )
    assert set(protocols) == set(listening) == {*advertised, "CONTROLLER"}
    assert all(listening[name] == port for name, (_, port) in advertised.items())
    inside, outside = advertised["INSIDE"], advertised["OUTSIDE"]
    assert services()["worker-1"]["environment"]["SEGUE_KAFKA__BOOTSTRAP"] == ":".join(inside)
    assert inside[0] in services()
    assert outside[0] == "localhost"
    published = services()["kafka"]["ports"]
    assert published == [f"127.0.0.1:{outside[1]}:{outside[1]}"]


def test_the_broker_takes_records_as_large_as_the_topics_do() -> None:
    kafka = services()["kafka"]["environment"]
    largest = max(int(spec.configs.get("max.message.bytes", 0)) for spec in topic_specs(Settings()))
    assert int(kafka["KAFKA_MESSAGE_MAX_BYTES"]) >= largest


def test_the_store_never_evicts_and_writes_to_disk() -> None:
    command = services()["valkey"]["command"]
    options = dict(zip(command[1::2], command[2::2], strict=True))
    assert options["--maxmemory-policy"] == "noeviction"
    assert options["--appendonly"] == "yes"


def test_the_health_check_asks_the_port_that_the_role_listens_on() -> None:
    for name in ("worker-1", "api"):
        environment = services()[name]["environment"]
        assert port_of(environment) == (9100 if name.startswith("worker") else 8080)
    assert all(
        str(port_of(services()[n]["environment"])) in arguments("EXPOSE")[0]
        for n in ("worker-1", "api")
    )


_BLOCK = """
import importlib, sys
from importlib.abc import MetaPathFinder

class Absent(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.split(".")[0] in {absent!r}:
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Absent())
importlib.import_module({module!r})
"""


IMAGE_MODULES = [
    "service.app",
    "service.api.app",
    "service.ops.topic_init",
    "loadtest.world_folder",
]


@pytest.mark.parametrize("module", IMAGE_MODULES)
def test_what_the_image_runs_needs_no_package_outside_its_lock(module: str) -> None:
    """Packages that only the tests' lock has are hidden, as they are missing in the image."""
    absent = names_in("requirements-test.lock") - names_in("requirements-image.lock")
    assert "jax" in absent
    program = _BLOCK.format(absent=sorted(absent), module=module)
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def names_in(lock: str) -> set[str]:
    pins = re.findall(r"^([\w.-]+)==", (DOCKER / lock).read_text(), re.MULTILINE)
    return {pin.lower().replace("-", "_") for pin in pins}


def test_the_health_check_says_what_is_wrong() -> None:
    assert "does not answer" in str(why_unhealthy(1))
