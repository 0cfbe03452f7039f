"""The shape of the project: imports go one way, packages are complete, and what must not be there is not."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = {"fastdnn": ROOT / "fastdnn", "fastdnn.kernels": ROOT / "kernels", "fastdnn.cli": ROOT / "cli"}
LINKS = {"kernels", "cli"}


def sources(package, folder):
    """Python files of one package and the packages inside it; links lead to packages of their own."""
    for path in sorted(folder.iterdir()):
        if path.is_dir() and not path.is_symlink() and (path / "__init__.py").exists():
            yield from sources(f"{package}.{path.name}", path)
        elif path.suffix == ".py":
            yield (package if path.stem == "__init__" else f"{package}.{path.stem}"), path


MODULES = {name: path for package, folder in PACKAGES.items() for name, path in sources(package, folder)}
TREES = {name: ast.parse(path.read_text(), str(path)) for name, path in MODULES.items()}


def typing_only(tree):
    """The nodes under `if TYPE_CHECKING:`, which never run."""
    blocks = [n for n in ast.walk(tree) if isinstance(n, ast.If) and "TYPE_CHECKING" in ast.unparse(n.test)]
    return {id(inner) for block in blocks for statement in block.body for inner in ast.walk(statement)}


def imports(name, *, running_only=True):
    """Every module that a file imports, inside functions too."""
    tree = TREES[name]
    ignored = typing_only(tree) if running_only else set()
    found = set()
    for node in ast.walk(tree):
        if id(node) in ignored:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}: imports are absolute"
            found.add(node.module)
            found |= {f"{node.module}.{a.name}" for a in node.names if f"{node.module}.{a.name}" in MODULES}
    return found


def layer(module):
    """0 for the kernels, 1 for the library, 2 for the command line."""
    return 0 if module.startswith("fastdnn.kernels") else 2 if module.startswith("fastdnn.cli") else 1


def test_the_files_were_found():
    assert {"fastdnn", "fastdnn.network", "fastdnn.kernels.tile", "fastdnn.cli.main"} <= set(MODULES)


@pytest.mark.parametrize("name", MODULES)
def test_imports_go_one_way(name):
    """cli -> fastdnn -> fastdnn.kernels, never back."""
    upward = {m for m in imports(name, running_only=False) if m.startswith("fastdnn") and layer(m) > layer(name)}
    if name.startswith("fastdnn.kernels"):
        upward |= {m for m in imports(name) if m == "fastdnn"}
    assert not upward


@pytest.mark.parametrize("name", MODULES)
def test_nothing_imports_a_second_copy_or_what_is_not_shipped(name):
    banned = {"kernels", "cli", "tests", "perf", *(path.stem for path in (ROOT / "tests").glob("*.py"))}
    assert not {m.split(".")[0] for m in imports(name, running_only=False)} & banned


KERNEL_ORDER = [
    {"cache_root"},
    {"cache", "lean", "lookups"},
    {"pieces"},
    {"_jit"},
    {"vector"},
    {"ahead", "each"},
    {"subnormal", "views", "custom", "mathfun", "tile", "rows"},
    {"panels", "packed", "random", "fetch", "sync", "normal", "product_tile", "gradient_tile"},
    {"claims", "elementwise", "elementwise_losses", "narrow", "softmax_loss"},
    {"smooth", "activations", "dropout", "gemm", "optimizers", "regularization", "gather", "layout", "peak"},
    {"losses", "layers", "row_tile"},
    {"update"},
    {"passes", "predict"},
    {"epoch"},
    {"course", "course_dropout"},
]


def kernel_rank(module):
    found = [i for i, names in enumerate(KERNEL_ORDER) if module.split(".")[-1] in names]
    assert found, f"{module} needs a place in KERNEL_ORDER"
    return found[0]


@pytest.mark.parametrize("name", [m for m in MODULES if m.startswith("fastdnn.kernels.")])
def test_kernels_import_downward_only(name):
    """epoch -> passes -> update -> layers, losses -> gemm, activations -> tile, views -> vector -> _jit."""
    below = [m for m in imports(name) if m.startswith("fastdnn.kernels.")]
    assert all(kernel_rank(m) < kernel_rank(name) for m in below), below


def test_no_module_imports_itself_in_a_circle():
    """At the top of files, where a circle would fail; inside functions it may close."""
    graph = {}
    for name, tree in TREES.items():
        ignored = typing_only(tree)
        top = [n for n in tree.body if isinstance(n, ast.ImportFrom | ast.Import) and id(n) not in ignored]
        found = set()
        for node in top:
            if isinstance(node, ast.ImportFrom):
                inner = {f"{node.module}.{a.name}" for a in node.names} & set(MODULES)
                found |= inner or {node.module}
        graph[name] = found & set(MODULES)

    def visit(name, path):
        assert name not in path, " -> ".join([*path, name])
        for other in graph[name]:
            visit(other, (*path, name))

    for name in graph:
        visit(name, ())


@pytest.mark.parametrize("name", MODULES)
def test_nothing_runs_code_that_a_file_holds(name):
    """No pickle, no eval, no exec: a model file cannot run anything."""
    modules = {m.split(".")[0] for m in imports(name, running_only=False)}
    assert not modules & {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"}
    called = {n.func.id for n in ast.walk(TREES[name]) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}
    assert not called & {"eval", "exec", "compile", "__import__"}
    text = ast.unparse(TREES[name])
    assert "allow_pickle=True" not in text


def test_the_list_of_packages_is_that_of_the_folders():
    with (ROOT / "pyproject.toml").open("rb") as file:
        setup = tomllib.load(file)["tool"]["setuptools"]
    folders = {name: path.parent for name, path in MODULES.items() if path.name == "__init__.py"}
    assert set(setup["packages"]) == set(folders)
    assert {n: (ROOT / d).resolve() for n, d in setup["package-dir"].items()} == folders


def test_the_two_links_lead_to_the_folders():
    for name in LINKS:
        link = ROOT / "fastdnn" / name
        if os.name != "nt":
            assert link.is_symlink()
            assert os.readlink(link) == f"../{name}"
        assert (ROOT / name / "__init__.py").exists()


def test_no_folder_of_tests_shadows_the_package():
    assert not {p.name for p in (ROOT / "tests").iterdir()} & {"fastdnn", "kernels", "cli"}


def loaded_after(code):
    code += "\nimport sys; print(*sys.modules)"
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


HEAVY = {"numba", "numpy", "llvmlite", "pyarrow", "rich", "h5py", "safetensors", "sklearn", "pandas"}


def test_importing_the_package_loads_nothing_heavy():
    assert not loaded_after("import fastdnn; fastdnn.__version__; dir(fastdnn)") & HEAVY


def test_the_vocabulary_loads_nothing_heavy():
    assert not loaded_after("import fastdnn.vocabulary, fastdnn.errors") & HEAVY


def test_every_public_name_can_be_loaded():
    import fastdnn

    for name in fastdnn.__all__:
        assert getattr(fastdnn, name) is not None
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        fastdnn.nothing  # noqa: B018


def is_compiled(function):
    """Whether one of the project's decorators makes this function a kernel."""
    names = {ast.unparse(d).split("(")[0] for d in function.decorator_list}
    return bool(names & {"device", "kernel", "separate"})


@pytest.mark.parametrize("name", [m for m in MODULES if m.startswith("fastdnn.kernels")])
def test_every_public_kernel_is_described(name):
    functions = [n for n in TREES[name].body if isinstance(n, ast.FunctionDef) and is_compiled(n)]
    missing = [f.name for f in functions if not f.name.startswith("_") and not ast.get_docstring(f)]
    assert not missing


@pytest.mark.parametrize("name", MODULES)
def test_every_module_is_described(name):
    assert ast.get_docstring(TREES[name])


def test_every_kernel_file_has_its_tests():
    """What is there for fastdnn.course only is called by its tests."""
    of_the_course = {"course", "course_dropout"}
    files = {path.stem.lstrip("_") for path in (ROOT / "kernels").glob("*.py")} - {"init__"} - of_the_course
    tests = {path.stem.removeprefix("test_") for path in (ROOT / "tests" / "test_kernels").glob("test_*.py")}
    assert files - {"tile"} <= tests, "tile is what product_tile and gradient_tile share"
