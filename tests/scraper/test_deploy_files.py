"""The files of deploy/docker and deploy/ray say what the code says: variables, commands, versions, packages."""

import ast
import copy
import importlib.metadata
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml  # type: ignore[import-untyped]
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from ray.autoscaler._private.util import prepare_config, validate_config

from api.settings import Settings
from deploy.cli import LIGHT
from deploy.scrape_commands import app
from workers.turk.settings import TurkSettings

ROOT = Path(__file__).resolve().parents[2]
DOCKER, RAY = ROOT / "deploy" / "docker", ROOT / "deploy" / "ray"
OURS = ("active_learning", "api", "deploy", "labeling_ui", "scraper", "workers")
COMPOSE = ("compose.yaml", "compose.download.yaml")
CLUSTERS = ("cluster.yaml", "cluster-aws.yaml")
EXAMPLES = {
    "compose.yaml": DOCKER / "example.env",
    "compose.download.yaml": DOCKER / "example.download.env",
}

FOREIGN = {"AWS_DEFAULT_REGION", "RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_USAGE_STATS_ENABLED"}
"""Variables that boto3 and Ray read themselves."""

MONGODB_IMAGE = {"MONGO_INITDB_ROOT_USERNAME", "MONGO_INITDB_ROOT_PASSWORD", "CACHE_GB"}

TURK = {f"WINNOW_TURK_{name.upper()}" for name in TurkSettings.__dataclass_fields__}

LOADED = """
import sys
class Only:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in hidden:
            raise ModuleNotFoundError(f"{name} is not in the image", name=name)
hidden = set(sys.argv[1].split(","))
sys.meta_path.insert(0, Only())
import importlib, pkgutil, deploy.cli, deploy.scrape_commands, scraper.fetch
engines = [one.name for one in pkgutil.iter_modules(scraper.fetch.__path__, "scraper.fetch.")]
for name in [*engines, "scraper.sources.s3", "scraper.forms"]:
    importlib.import_module(name)  # loaded when it is needed
for module in list(sys.modules.values()):
    if module.__name__.partition(".")[0] in sys.argv[2].split(",") and getattr(module, "__file__", None):
        print(module.__file__)
"""
"""What a download node loads, as far as it loads where the packages of argument 1 are missing."""


class Reading(dict[str, str]):
    """An environment that notes what is asked for."""

    def __init__(self) -> None:
        super().__init__(WINNOW_MONGODB_URI="mongodb://host/?replicaSet=winnow")
        self.asked: set[str] = set()

    def get(self, name: str, default: Any = None) -> Any:
        self.asked.add(name)
        return super().get(name, default)


def known() -> set[str]:
    reading = Reading()
    Settings.from_env(reading)
    return reading.asked | FOREIGN


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def pods() -> Iterator[tuple[str, dict[str, Any]]]:
    _, cluster, worker = yaml.safe_load_all((RAY / "kuberay.yaml").read_text(encoding="utf-8"))
    yield "head", cluster["spec"]["headGroupSpec"]["template"]["spec"]
    for group in cluster["spec"]["workerGroupSpecs"]:
        yield group["groupName"], group["template"]["spec"]
    yield "worker", worker["spec"]["template"]["spec"]


def pins(path: Path) -> dict[str, str]:
    lines = (line.partition("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines())
    return {canonicalize_name(name): version for name, _, version in (line.partition("==") for line in lines if line)}


def assigned(path: Path) -> set[str]:
    """The variables of an example env file, commented out or not."""
    return set(re.findall(r"^#?([A-Z][A-Z0-9_]*)=", path.read_text(encoding="utf-8"), re.MULTILINE))


def tops(module: str) -> set[str]:
    """The top-level modules that a source file imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(Path(module).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found


def loaded_without(packages: set[str]) -> list[str]:
    """The files of Winnow that a node loads where these packages are missing."""
    hidden = {
        module
        for module, names in importlib.metadata.packages_distributions().items()
        if module not in OURS and {canonicalize_name(name) for name in names} <= packages
    }
    assert {"torch", "ray", "fastapi"} <= hidden
    command = [sys.executable, "-P", "-c", LOADED, ",".join(hidden), ",".join(OURS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def with_what_they_need(roots: Iterable[str]) -> set[str]:
    needed: set[str] = set()
    todo = list(roots)
    while todo:
        name = todo.pop()
        if name not in needed:
            needed.add(name)
            for line in importlib.metadata.requires(name) or []:
                one = Requirement(line)
                if one.marker is None or one.marker.evaluate({"extra": ""}):
                    todo.append(canonicalize_name(one.name))
    return needed


def dockerfile(name: str) -> dict[str, list[str]]:
    """Instruction -> its arguments, of the last stage."""
    text = (DOCKER / f"{name}.Dockerfile").read_text(encoding="utf-8")
    lines = re.sub(r"\\\n", " ", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE)).splitlines()
    found: dict[str, list[str]] = {}
    for line in filter(None, lines):
        word, _, rest = line.strip().partition(" ")
        if word == "FROM":
            found = {}
        found.setdefault(word, []).append(rest)
    return found


def copied(name: str) -> set[str]:
    return {words.split()[0] for words in dockerfile(name)["COPY"] if not words.startswith("--from")}


def names_of(service: dict[str, Any]) -> set[str]:
    return set(service.get("environment", {}))


def test_a_download_node_has_exactly_the_packages_it_needs_in_the_versions_of_constraints() -> None:
    ours, all_pins = pins(DOCKER / "download-node.requirements.txt"), pins(ROOT / "constraints.txt")
    files = loaded_without(set(all_pins) - set(ours))
    distributions = importlib.metadata.packages_distributions()
    imported = {module for file in files for module in tops(file)} - set(OURS)
    roots = {canonicalize_name(name) for module in imported for name in distributions.get(module, [])}
    needed = {name: all_pins[name] for name in sorted(with_what_they_need(roots))}
    assert ours == needed, "write:\n" + "\n".join(f"{name}=={version}" for name, version in needed.items())
    assert {Path(file).relative_to(ROOT).parts[0] for file in files} == copied("download-node")


def test_what_a_node_does_not_have_is_missed() -> None:
    everything = set(pins(ROOT / "constraints.txt"))
    with pytest.raises(AssertionError, match="not in the image"):
        loaded_without(everything - set(pins(DOCKER / "download-node.requirements.txt")) | {"pymongo"})


def test_images_hold_whole_packages_and_run_real_commands_as_nobody_special() -> None:
    assert copied("winnow") == set(OURS)
    for name, command in (("download-node", "download"), ("winnow", "work")):
        file = dockerfile(name)
        words = [*ast.literal_eval(file["ENTRYPOINT"][0]), *ast.literal_eval(file.get("CMD", ["[]"])[-1])]
        assert words[:5] == ["python", "-m", "deploy.cli", command, "--data"]
        assert command in LIGHT or f'@app.command("{command}")' in (ROOT / "deploy" / "commands.py").read_text()
        assert file["USER"] == ["10001"]
        assert file["STOPSIGNAL"] == ["SIGTERM"]
    node = typer.main.get_command(app).commands["download"]  # type: ignore[attr-defined]
    assert {"--data", "--until-done"} <= {option for one in node.params for option in one.opts}


def test_the_health_check_of_a_node_runs() -> None:
    check = ast.literal_eval(dockerfile("download-node")["HEALTHCHECK"][0].partition("CMD ")[2])
    env = {**os.environ, "WINNOW_MONGODB_URI": "mongodb://"}
    done = subprocess.run([sys.executable, *check[1:]], env=env, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "WINNOW_MONGODB_URI is not an address" in done.stderr


def test_the_build_context_has_what_is_copied_and_no_secret() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    let_in = {line[1:] for line in lines if line.startswith("!")}
    assert "*" in lines
    assert let_in == {*OURS, "constraints.txt", "pyproject.toml"}
    assert "deploy/docker/.env" in lines
    assert "deploy/ray/winnow.env" in lines
    assert ".env" in (DOCKER / ".gitignore").read_text().split()
    assert "winnow.env" in (RAY / ".gitignore").read_text().split()


@pytest.mark.parametrize("name", COMPOSE)
def test_compose_names_settings_that_exist_and_examples_name_what_compose_reads(name: str) -> None:
    text = (DOCKER / name).read_text(encoding="utf-8")
    services: dict[str, dict[str, Any]] = read(DOCKER / name)["services"]
    passed_on: set[str] = set()
    for service, body in services.items():
        right = {"mongodb": MONGODB_IMAGE, "marketplace": TURK}.get(service, known())
        assert names_of(body) <= right, service
        passed_on |= {name for name, value in body.get("environment", {}).items() if value is None}
    interpolated = set(re.findall(r"(?<!\$)\$\{([A-Z0-9_]+)", text))
    assert interpolated | passed_on == assigned(EXAMPLES[name])


def test_compose_runs_ten_nodes_that_can_be_stopped_and_hold_no_secret() -> None:
    for name in COMPOSE:
        node = read(DOCKER / name)["services"]["download"]
        assert node["deploy"]["replicas"] == 10
        assert node["deploy"]["resources"]["limits"]["memory"]
        assert node["restart"] == "unless-stopped"
        assert int(node["stop_grace_period"].removesuffix("s")) > 30  # a download's whole time, and settling
        assert (node["read_only"], node["cap_drop"], node["init"]) == (True, ["ALL"], True)
        assert "WINNOW_SECRET" not in names_of(node)
        assert {"WINNOW_MONGODB_URI", "WINNOW_CONTACT", "WINNOW_BLOBS", "WINNOW_SCRAPE_PER_SECOND"} <= names_of(node)
    first, other = (names_of(read(DOCKER / name)["services"]["download"]) for name in COMPOSE)
    assert first == other


def test_compose_lets_nobody_in_by_default() -> None:
    for name, service in read(DOCKER / "compose.yaml")["services"].items():
        for port in service.get("ports", []):
            assert re.match(r"127\.0\.0\.1:|\$\{[A-Z_]+:-127\.0\.0\.1\}:", port), name
    assert "--keyFile" in read(DOCKER / "compose.yaml")["services"]["mongodb"]["entrypoint"][2]


def test_compose_serves_what_can_be_served() -> None:
    services = read(DOCKER / "compose.yaml")["services"]
    for name in ("web", "marketplace"):
        assert services[name]["entrypoint"] == ["python", "-m", "uvicorn"]
        module, _, function = services[name]["command"].split()[0].partition(":")
        path = ROOT / (module.replace(".", "/") + ".py")
        defined = {one.name for one in ast.parse(path.read_text()).body if isinstance(one, ast.FunctionDef)}
        assert function in defined
    mounted = {mount.partition(":")[0] for service in services.values() for mount in service.get("volumes", [])}
    assert {one for one in mounted if not one.startswith("$")} == set(read(DOCKER / "compose.yaml")["volumes"])


@pytest.mark.parametrize("name", CLUSTERS)
def test_ray_takes_its_cluster_files(name: str) -> None:
    config = read(RAY / name)
    validate_config(prepare_config(copy.deepcopy(config)))
    mounts: dict[str, str] = config["file_mounts"]
    inside = {remote.removeprefix("~/winnow/"): local for remote, local in mounts.items() if "~/winnow/" in remote}
    assert all(remote == local and (ROOT / local).exists() for remote, local in inside.items())
    assert set(inside) == {*OURS, "pyproject.toml", "constraints.txt", "README.md", "LICENSE"}
    assert any("-c ~/winnow/constraints.txt -e ~/winnow" in command for command in config["setup_commands"])


def test_both_clusters_are_set_up_alike() -> None:
    home, aws = (read(RAY / name) for name in CLUSTERS)
    assert [command for command in aws["setup_commands"] if "apt-get" not in command] == home["setup_commands"]
    for key in ("file_mounts", "head_start_ray_commands", "worker_start_ray_commands", "rsync_exclude"):
        assert home[key] == aws[key]
    assert len(home["provider"]["worker_ips"]) == 9  # with the head: ten machines
    assert aws["max_workers"] == aws["available_node_types"]["node"]["max_workers"] == 10


def test_the_environment_of_a_cluster_is_read_by_a_shell_and_by_winnow() -> None:
    assert assigned(RAY / "example.env") <= known()
    script = 'set -aeu; . "$1"; exec env'
    clean = {"PATH": os.environ["PATH"]}
    command = ["bash", "-c", script, "bash", str(RAY / "example.env")]
    done = subprocess.run(command, env=clean, capture_output=True, text=True, check=True)
    env = dict(line.split("=", 1) for line in done.stdout.splitlines())
    settings = Settings.from_env(env)
    assert settings.mongodb_uri.endswith("?replicaSet=winnow&authSource=admin")
    assert settings.contact == "mailto:you@example.org"
    assert env["RAY_AUTH_MODE"] == "token"


def test_kubernetes_pods_get_settings_that_exist_and_the_version_of_ray_that_is_installed() -> None:
    config, cluster, worker = yaml.safe_load_all((RAY / "kuberay.yaml").read_text(encoding="utf-8"))
    assert set(config["data"]) <= known()
    assert all(isinstance(value, str) for value in config["data"].values())
    assert cluster["spec"]["rayVersion"] == pins(ROOT / "constraints.txt")["ray"]
    assert cluster["spec"]["authOptions"] == {"mode": "token"}
    (nodes,) = cluster["spec"]["workerGroupSpecs"]
    assert nodes["replicas"] == 10
    source = [{"configMapRef": {"name": config["metadata"]["name"]}}, {"secretRef": {"name": "winnow-settings"}}]
    images = set()
    for name, pod in pods():
        (container,) = pod["containers"]
        assert container["envFrom"] == source, name
        assert container["livenessProbe"], name  # else the operator's, which ask a dashboard that is not there
        assert {mount["name"] for mount in container["volumeMounts"]} == {one["name"] for one in pod["volumes"]}
        assert pod["securityContext"]["runAsUser"] == 10001
        images.add(container["image"])
    assert len(images) == 1
    assert images.pop().endswith(f":{importlib.metadata.version('winnow')}")
    token = worker["spec"]["template"]["spec"]["containers"][0]["env"][1]["valueFrom"]["secretKeyRef"]
    assert token["name"] == cluster["metadata"]["name"]
    assert (
        f"{cluster['metadata']['name']}-head-svc:6379" in worker["spec"]["template"]["spec"]["containers"][0]["args"][0]
    )


def test_the_page_links_to_files_that_exist() -> None:
    page = ROOT / "deploy" / "running-download-nodes.md"
    links = re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8"))
    assert len(links) >= 5
    assert [link for link in links if not link.startswith("http") and not (page.parent / link).exists()] == []
