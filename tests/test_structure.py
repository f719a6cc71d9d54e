"""The house rules that can be read off the syntax trees, and what importing the library does to a process."""

import ast
import inspect
import re
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests import conftest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("reservoir", "forecasting")
COMMAND_LINE = "forecasting/cli/"  # may print, and is alone in drawing pictures

FILE_LINES = 450
FUNCTION_LINES = 70  # of code: without docstring, comments and blank lines

# (file, imported package, or "import_module" for a name at run time): why it stands inside a function.
LAZY_IMPORTS = {
    (
        "reservoir/contracts/persistence.py",
        "skops",
    ): "loads the whole of scikit-learn; needed to save and load only",
    ("reservoir/contracts/persistence.py", "import_module"): "a file names the classes that it holds",
    ("reservoir/diagnostics/plots.py", "matplotlib"): "an optional dependency (the extra `plot`)",
    ("forecasting/plotting/forecasts.py", "matplotlib"): "an optional dependency (the extra `plot`)",
    ("forecasting/networks/training_plots.py", "matplotlib"): "an optional dependency (the extra `plot`)",
    ("forecasting/plotting/evaluation.py", "matplotlib"): "an optional dependency (the extra `plot`)",
    ("forecasting/plotting/residuals.py", "matplotlib"): "an optional dependency (the extra `plot`)",
    ("forecasting/plotting/dynamical_systems.py", "matplotlib"): "an optional dependency (the extra `plot`)",
    ("forecasting/tuning/search_plots.py", "matplotlib"): "an optional dependency (the extra `plot`)",
    ("forecasting/__init__.py", "import_module"): "statsmodels takes longer to load than everything else",
    ("forecasting/transforms/__init__.py", "import_module"): "one of them loads statsmodels",
    (
        "forecasting/series/polars_frames.py",
        "import_module",
    ): "an optional library, loaded by who brings its frames",
    ("forecasting/registry.py", "import_module"): "statsmodels takes longer to load than everything else",
}

SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
TEXTS = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in SOURCES}
TREES = {path: ast.parse(text) for path, text in TEXTS.items()}
MODULES = {
    path.removesuffix(".py").removesuffix("/__init__").replace("/", "."): tree for path, tree in TREES.items()
}


# ------------------------------------------------------------------------------------------------- imports


def imported(tree):
    """Return the full names that a tree imports: modules, and names within modules."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            names.update(f"{'.' * node.level}{node.module or ''}.{alias.name}" for alias in node.names)
    return names


def own_modules(tree):
    """Return the modules of this library that a tree imports."""
    names = imported(tree)
    return {name if name in MODULES else name.rpartition(".")[0] for name in names} & set(MODULES)


GRAPH = {module: own_modules(tree) - {module} for module, tree in MODULES.items()}


def test_imports_run_in_no_circle():
    try:
        TopologicalSorter(GRAPH).prepare()
    except CycleError as error:
        pytest.fail(f"circle of imports: {' -> '.join(error.args[1])}")


def test_folders_import_each_other_in_no_circle():
    folders: dict[str, set] = {}
    for module, names in GRAPH.items():
        own = ".".join(module.split(".")[:2])
        found = {".".join(name.split(".")[:2]) for name in names}
        if own not in PACKAGES:
            folders.setdefault(own, set()).update(found - {own} - set(PACKAGES))
    try:
        TopologicalSorter(folders).prepare()
    except CycleError as error:
        pytest.fail(f"circle of folders: {' -> '.join(error.args[1])}")


def test_imports_run_downwards():
    for module, tree in MODULES.items():
        above = {"", "tests", "benchmarks", "examples"}  # "": a relative import
        if module.partition(".")[0] == "reservoir":
            above.add("forecasting")
        wrong = [name for name in imported(tree) if name.partition(".")[0] in above]
        assert not wrong, f"{module} imports {wrong}"


# Of named tuples and of scikit-learn, which have no public names for them.
FOREIGN = {"_replace", "_fields", "_asdict", "_validate_params", "_parameter_constraints"}


def folder_of(path):
    return Path(path).parts[:2]


def private_names_of_folders():
    """Return the private names that each folder defines: functions, classes and attributes."""
    defined: dict[tuple, set] = {}
    for path, tree in TREES.items():
        names = defined.setdefault(folder_of(path), set())
        for node in ast.walk(tree):
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                names.add(node.name)
            elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                names.add(node.attr)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                names.add(node.id)
    return defined


def test_nobody_uses_private_names_of_another_folder():
    defined = private_names_of_folders()
    own = set.union(*defined.values())
    wrong = []
    for path, tree in TREES.items():
        for node in ast.walk(tree):
            used = []
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) not in ("self", "cls", "super()"):
                used = [node.attr]
            elif isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in PACKAGES:
                used = [alias.name for alias in node.names]
            wrong += [
                f"{path}:{node.lineno} {name}"
                for name in used
                if name.startswith("_") and not name.startswith("__") and name in own - FOREIGN
                if name not in defined[folder_of(path)]
            ]
    assert not wrong


def test_pictures_are_drawn_for_the_command_line_and_other_pictures_alone():
    pictures = "forecasting.plotting"
    users = {module for module, names in GRAPH.items() if any(name.startswith(pictures) for name in names)}
    users = {user for user in users if not user.startswith(pictures)}
    assert {user.partition(".cli.")[0] for user in users} == {"forecasting"}, users


def functions(tree):
    return [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]


def imported_by_call(function):
    calls = (ast.unparse(node.func) for node in ast.walk(function) if isinstance(node, ast.Call))
    return {"import_module" for call in calls if call.endswith(("import_module", "__import__"))}


def test_imports_inside_functions_are_listed_with_their_reason():
    found = {
        (path, name.partition(".")[0])
        for path, tree in TREES.items()
        for function in functions(tree)
        for name in imported(function) | imported_by_call(function)
    }
    assert found == set(LAZY_IMPORTS)


# ------------------------------------------------------------------------------------------ where tests are

# Modules whose folder of tests does not name anything of theirs: the test that covers them.
TESTED_ELSEWHERE = {
    "reservoir/contracts/default_parts.py": "reservoir/models/test_base_network.py",
    "reservoir/contracts/random_source.py": "reservoir/reservoirs/test_echo_state.py",
    "reservoir/contracts/series_layout.py": "reservoir/models/test_esn_regressor.py",
    "reservoir/kernels/gram.py": "reservoir/readouts/test_ridge.py",
    "reservoir/models/local_patches.py": "forecasting/reservoirs/test_local_field.py",
    "reservoir/readouts/row_blocks.py": "reservoir/readouts/test_ridge.py",
    "forecasting/base/delegating_forecaster.py": "forecasting/composition/test_conformal_forecaster.py",
    "forecasting/base/distribution_forecaster.py": "forecasting/recurrent/test_window_forecaster.py",
    "forecasting/base/input_reading.py": "forecasting/checks/test_check_forecaster.py",
    "forecasting/base/local_forecaster.py": "forecasting/baselines/test_naive.py",
    "forecasting/base/residual_intervals.py": "forecasting/intervals/test_rolling_errors.py",
    "forecasting/intervals/adaptive.py": "forecasting/composition/test_conformal_forecaster.py",
    "forecasting/metrics/validation.py": "forecasting/metrics/test_metrics.py",
    "forecasting/networks/cells/activations.py": "forecasting/networks/cells/test_cells.py",
    "forecasting/networks/cells/base_cell.py": "forecasting/networks/cells/test_cells.py",
    "forecasting/networks/cells/step_products.py": "forecasting/networks/cells/test_cells.py",
    "forecasting/networks/cells/time_chunks.py": "forecasting/networks/cells/test_cells.py",
    "forecasting/networks/cells/wave_net.py": "forecasting/recurrent/test_convolutional.py",
    "forecasting/networks/cells/wave_net_kernels.py": "forecasting/recurrent/test_convolutional.py",
    "forecasting/networks/heads/quantised.py": "forecasting/recurrent/test_convolutional.py",
    "forecasting/networks/initialisation.py": "forecasting/networks/cells/test_cells.py",
    "forecasting/recurrent/design.py": "forecasting/recurrent/test_window_forecaster.py",
    "forecasting/recurrent/learned_units.py": "forecasting/recurrent/test_window_forecaster.py",
    "forecasting/reduction/base_reduction.py": "forecasting/reduction/test_strategies.py",
    "forecasting/registry.py": "forecasting/checks/test_check_forecaster.py",
    "forecasting/reservoirs/divergence.py": "forecasting/reservoirs/test_free_running.py",
    "forecasting/reservoirs/free_run_validation.py": "forecasting/reservoirs/test_free_running.py",
    "forecasting/sequence_models/bodies.py": "forecasting/sequence_models/test_sequence_models.py",
    "forecasting/sequence_models/layers/attention_kernels.py": "forecasting/sequence_models/layers/test_decoder.py",
    "forecasting/sequence_models/symbols.py": "forecasting/sequence_models/test_sequence_models.py",
    "forecasting/series/calendar_features.py": "forecasting/reduction/test_strategies.py",
    "forecasting/series/contexts.py": "forecasting/base/test_names_and_settings.py",
    "forecasting/series/differencing.py": "forecasting/reservoirs/test_free_running.py",
    "forecasting/series/standard_units.py": "forecasting/recurrent/test_window_forecaster.py",
    "forecasting/tuning/free_run_search.py": "forecasting/tuning/test_search.py",
    "forecasting/tuning/rounds.py": "forecasting/tuning/test_search.py",
    "forecasting/tuning/search_result.py": "forecasting/tuning/test_search.py",
}


def public_names(tree):
    """Return what a module defines at its top, without private names."""
    defined = {node.name for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    targets = [target for node in tree.body if isinstance(node, ast.Assign) for target in node.targets]
    return {
        name
        for name in defined | {target.id for target in targets if isinstance(target, ast.Name)}
        if not name.startswith("_")
    }


def test_the_test_of_a_module_is_found_by_its_path():
    """The tests of ``package/folder/module.py`` are in ``tests/package/folder``: a file of the module's name, or one
    that names the module or something that it defines. Exceptions are listed with the test that covers them."""
    elsewhere = {}
    for path, tree in TREES.items():
        if Path(path).stem in ("__init__", "__main__"):
            continue
        folder = ROOT / "tests" / Path(path).parent
        words = {
            word
            for test in folder.glob("test_*.py")
            for word in re.findall(r"\w+", test.read_text(encoding="utf-8"))
        }
        found = (folder / f"test_{Path(path).name}").exists() or (
            public_names(tree) | {Path(path).stem}
        ) & words
        if not found:
            elsewhere[path] = TESTED_ELSEWHERE.get(path)
    assert elsewhere == TESTED_ELSEWHERE
    missing = [test for test in TESTED_ELSEWHERE.values() if not (ROOT / "tests" / test).exists()]
    assert not missing


def test_slow_files_are_there():
    assert not [path for path in conftest.SLOW if not (ROOT / path).exists()]


def test_tests_are_where_their_folder_is():
    """No test of a package is outside of the folders of that package."""
    for package in PACKAGES:
        for test in (ROOT / "tests" / package).rglob("test_*.py"):
            folder = test.parent.relative_to(ROOT / "tests")
            assert (ROOT / folder).is_dir(), f"{test.relative_to(ROOT)} tests no folder of {package}"


# ------------------------------------------------------------------------------------------ shape of files


def test_names_say_what_is_inside():
    empty = {"utils", "core", "common", "helpers", "misc", "tools"}
    assert not [path for path in TREES if empty & set(Path(path).with_suffix("").parts)]


def test_a_module_is_found_by_its_name():
    """No two modules share a name, up to a plural, and none repeats the name of its folder."""
    seen: dict[str, str] = {}
    for path in TREES:
        name = Path(path).stem
        if name in ("__init__", "__main__"):
            continue
        other = seen.setdefault(name.removesuffix("s").replace("_", ""), path)
        assert other == path, f"{path} and {other} are easy to confuse"
        folder = Path(path).parent.name.removesuffix("s")
        assert name.startswith("base_") or folder not in name.split("_"), f"{path} repeats its folder's name"


def test_a_class_is_found_by_its_name():
    seen: dict[str, str] = {}
    for path, tree in TREES.items():
        for node in tree.body:
            if isinstance(node, ast.ClassDef):
                other = seen.setdefault(node.name, path)
                assert other == path, f"class {node.name} is defined in {path} and in {other}"


def test_packages_are_folders():
    """At the top of a package stand folders; of `forecasting`, the table of forecasters besides."""
    assert {path for path in TREES if path.count("/") == 1 and not path.endswith("__init__.py")} == {
        "forecasting/registry.py"
    }
    for path, tree in TREES.items():
        assert ast.get_docstring(tree), f"{path} does not say what it is for"


def test_files_stay_short():
    long = {path: n for path, text in TEXTS.items() if (n := len(text.splitlines())) > FILE_LINES}
    assert not long, f"divide these: {long}"


def code_lines(node, lines):
    """Count the lines of a definition that are code."""
    prose = set()
    for inner in ast.walk(node):
        if isinstance(inner, ast.Expr) and isinstance(inner.value, ast.Constant):
            prose.update(range(inner.lineno, inner.end_lineno + 1))
    numbered = [(i, lines[i - 1].strip()) for i in range(node.lineno, node.end_lineno + 1)]
    return sum(1 for i, line in numbered if i not in prose and line and not line.startswith("#"))


def test_functions_stay_short():
    long = {
        f"{path}: {function.name}": n
        for path, tree in TREES.items()
        for function in functions(tree)
        if (n := code_lines(function, TEXTS[path].splitlines())) > FUNCTION_LINES
    }
    assert not long, f"divide these: {long}"


def test_only_the_command_line_prints():
    wrong = [
        f"{path}:{node.lineno}"
        for path, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "print"
        if not path.startswith(COMMAND_LINE)
    ]
    assert not wrong


def test_one_decorator_compiles():
    """numba's own caches go stale, and `fastmath=True` deletes the checks for NaN."""
    users = {path for path, tree in TREES.items() if imported(tree) & {"numba.njit", "numba.jit"}}
    assert users == {"reservoir/kernels/compilation.py"}


# -------------------------------------------------------------------------------------------- documentation

PARAMETERS = re.compile(r"^Parameters\n-{3,}\n(?P<body>.*?)(?=^\S[^\n]*\n-{3,}\n|\Z)", re.M | re.S)


def documented_parameters(docstring):
    """Return the names in the Parameters section."""
    match = PARAMETERS.search(inspect.cleandoc(docstring))
    body = match["body"] if match else ""
    entries = [line for line in body.splitlines() if line and not line.startswith(" ")]
    return [name.strip() for line in entries for name in line.partition(" : ")[0].split(",")]


def signature_names(function, bound):
    """Return the argument names as numpydoc writes them, without the first one of a bound method."""
    spec = function.args
    names = [argument.arg for argument in (*spec.posonlyargs, *spec.args)][bound:]
    names += [f"*{spec.vararg.arg}"] if spec.vararg else []
    names += [argument.arg for argument in spec.kwonlyargs]
    return names + ([f"**{spec.kwarg.arg}"] if spec.kwarg else [])


def decorators(node):
    return {ast.unparse(item).partition("(")[0].rpartition(".")[2] for item in node.decorator_list}


def constructor(node):
    return next((item for item in functions(node) if item.name == "__init__" and item in node.body), None)


def class_arguments(node):
    """Return the constructor's argument names; None where a parent or scikit-learn's rules define them."""
    if constructor(node) is not None:
        return signature_names(constructor(node), bound=1)
    if "dataclass" in decorators(node) or "NamedTuple" in map(ast.unparse, node.bases):
        return [item.target.id for item in node.body if isinstance(item, ast.AnnAssign)]
    return None


def method_arguments(node):
    if decorators(node) & {"property", "cached_property", "setter"}:
        return None
    return signature_names(node, bound="staticmethod" not in decorators(node))


EXPORTED = {name for path, tree in TREES.items() if path.endswith("__init__.py") for name in imported(tree)}


def public_definitions():
    """Yield (label, node, argument names or None, exported by a package) of all that is public."""
    for module, tree in MODULES.items():
        for node in tree.body:
            if not isinstance(node, (ast.FunctionDef, ast.ClassDef)) or node.name.startswith("_"):
                continue
            label = f"{module}.{node.name}"
            if isinstance(node, ast.FunctionDef):
                yield label, node, signature_names(node, bound=0), label in EXPORTED
                continue
            yield label, node, class_arguments(node), label in EXPORTED
            for item in functions(node):
                if item in node.body and not item.name.startswith("_"):
                    yield f"{label}.{item.name}", item, method_arguments(item), label in EXPORTED


def test_documentation_names_the_arguments():
    """Everything public has a docstring, and its Parameters are arguments.

    What a package exports documents all of them; a kernel may leave out those that its siblings document.
    """
    wrong = []
    for label, node, arguments, exported in public_definitions():
        docstring = ast.get_docstring(node)
        if not docstring:
            wrong.append(f"{label} has no docstring")
        if arguments is None:
            continue
        documented = documented_parameters(docstring or "")
        if unknown := set(documented) - set(arguments):
            wrong.append(f"{label} documents {unknown}, which are no arguments")
        if exported and (missing := set(arguments) - set(documented)):
            wrong.append(f"{label} does not document {missing}")
    assert not wrong, "\n".join(wrong)


def test_the_reader_of_docstrings_reads():
    text = """Headline.

    Parameters
    ----------
    x, y : float
        Both.
    *rest
        More: a, b : c.
    **options : object

    Returns
    -------
    z : float
    """
    assert documented_parameters(text) == ["x", "y", "*rest", "**options"]
    assert documented_parameters("Headline.\n\nReturns\n-------\nx : int\n") == []
    function = ast.parse("def f(self, x, /, y, *rest, z=1, **options): pass").body[0]
    assert signature_names(function, bound=1) == ["x", "y", "*rest", "z", "**options"]


# ------------------------------------------------------------------------------------------------ estimators


def only_stores(statement, names):
    """Tell whether a statement is ``self.x = x``, a call of the parent's constructor, or a docstring."""
    if isinstance(statement, ast.Assign):
        stored = ast.unparse(statement)
        return any(stored == f"self.{name} = {name}" for name in names)
    if not isinstance(statement, ast.Expr):
        return False
    if isinstance(statement.value, ast.Constant):
        return True
    passed = [*statement.value.args, *(keyword.value for keyword in statement.value.keywords)]
    return ast.unparse(statement.value.func) == "super().__init__" and all(
        isinstance(value, (ast.Name, ast.Constant)) for value in passed
    )


CLASSES = {
    node.name: (f"{module}.{node.name}", node)
    for module, tree in MODULES.items()
    for node in tree.body
    if isinstance(node, ast.ClassDef)
}


def is_estimator(name):
    if name not in CLASSES:
        return name == "BaseEstimator"
    return any(is_estimator(ast.unparse(base).rpartition(".")[2]) for base in CLASSES[name][1].bases)


def test_constructors_only_store():
    found = {label: constructor(node) for name, (label, node) in CLASSES.items() if is_estimator(name)}
    assert found, "no estimator was recognised"
    for label, init in found.items():
        if init is None:
            continue
        names = signature_names(init, bound=1)
        assert not [name for name in names if name.startswith("*")], f"{label}: unknown keywords must fail"
        wrong = [ast.unparse(statement) for statement in init.body if not only_stores(statement, names)]
        assert not wrong, f"{label}.__init__ does more than store: {wrong}"
        used = {node.id for line in init.body for node in ast.walk(line) if isinstance(node, ast.Name)}
        assert set(names) <= used, f"{label}.__init__ drops {set(names) - used}"


# ------------------------------------------------------------------------------------------------- importing

IMPORT = """
import logging, os, sys, threading, warnings
import numba, numpy, pandas, scipy.linalg, scipy.sparse, sklearn.linear_model

def state():
    return {
        "random state": [str(part) for part in numpy.random.get_state()],
        "warning filters": list(warnings.filters),
        "environment": dict(os.environ),
        "log handlers": list(logging.getLogger().handlers),
        "threads": threading.active_count(),
        "floating-point errors": numpy.geterr(),
        "kernel threads": numba.get_num_threads(),
    }

before = state()
import reservoir, forecasting
after = state()
changed = [name for name in before if before[name] != after[name]]
assert not changed, f"importing changes {changed}"
heavy = {"statsmodels", "matplotlib", "skops", "dask", "torch", "sktime", "statsforecast", "reservoirpy"}
loaded = heavy.intersection(sys.modules)
assert not loaded, f"importing loads {loaded}"
"""


def test_importing_is_light_and_leaves_no_trace():
    done = subprocess.run([sys.executable, "-c", IMPORT], capture_output=True, text=True, cwd=ROOT)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), done.stderr
