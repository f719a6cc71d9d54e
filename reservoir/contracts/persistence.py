"""Save and load estimators without pickle: a file that holds numbers and names, and no code.

The file is the zip archive of `skops.io` (arrays as ``.npy``, structure as JSON) with one more member,
``reservoir.json``, the header::

    {"format": 1, "package": "0.1.0", "estimator": "reservoir.models.esn_regressor.ESNRegressor"}

``format`` grows when an older version of this library could not read a newer file; such a file is refused by
its number before anything else in it is looked at.

Trusted are the classes that `reservoir` and `forecasting` define, the types that skops trusts (scikit-learn's
estimators, arrays, Python's plain types), and the inert ones listed below. That keeps foreign code out. It
does not vouch for the numbers: a forged file can hold an estimator that forecasts nonsense, or indices beyond
the end of an array, which compiled loops do not check.
"""

import contextlib
import copy
import importlib
import inspect
import io
import json
import os
import zipfile
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import scipy.sparse
import sklearn.metrics
import sklearn.model_selection
from sklearn.base import BaseEstimator
from sklearn.utils.metadata_routing import MetadataRequest

__all__ = ["load", "save"]

FORMAT = 1
HEADER = "reservoir.json"
DISTRIBUTION = "reservoir-forecasting"

# Known by name: this package imports nothing of the one above it.
OWN_PACKAGES = ("reservoir", "forecasting")


def save(estimator: Any, file: Any, *, trusted: Iterable[str] = ()) -> None:
    """Write an estimator to a file that `load` reads back, with bit-equal predictions.

    Parameters
    ----------
    estimator : object
        A fitted or unfitted estimator of `reservoir` or `forecasting`, or a scikit-learn estimator around or
        inside one (pipeline, grid search, multi-output ...).
    file : str, path or binary file object
        Where to write. A file that exists is replaced, after the estimator has been turned into bytes.
    trusted : iterable of str, default=()
        Full names of further types that the file may hold, for instance ``"sklearn.tree._tree.Tree"`` for
        forests, or the name of a package whose classes are all trusted, for instance your own. `load` needs
        the same names.

    Raises
    ------
    TypeError
        If the estimator holds something that `load` would refuse, such as a lambda or an object of a foreign
        class: it shows now, not on the day the estimator is needed.

    See Also
    --------
    load : Read the file.

    Notes
    -----
    An array that is a strided view of another comes back contiguous, as from a pickle.

    Examples
    --------
    >>> import io
    >>> import numpy as np
    >>> from sklearn.linear_model import Ridge
    >>> x = np.arange(6.0)[:, None]
    >>> model = Ridge(alpha=0.1).fit(x, x[:, 0] ** 2)
    >>> file = io.BytesIO()
    >>> save(model, file)
    >>> _ = file.seek(0)
    >>> bool((load(file).predict(x) == model.predict(x)).all())
    True
    """
    import skops.io

    name = _full_name(type(estimator))
    try:
        content = skops.io.dumps(_with_owners_by_name(estimator))
    except (TypeError, RecursionError) as error:
        raise TypeError(f"{name} holds an object that cannot be saved without pickle: {error}") from error
    refused = _refused(skops.io.get_untrusted_types(data=content), trusted)
    if refused:
        raise TypeError(
            f"{name} holds what load would refuse: {', '.join(refused)}. Replace it by an object of "
            f"{', '.join(OWN_PACKAGES)}, scikit-learn or NumPy, or name it in trusted=[...] here and in load"
        )
    header = {"format": FORMAT, "package": _package_version(), "estimator": name}
    archive = io.BytesIO(content)
    with zipfile.ZipFile(archive, "a") as members:
        members.writestr(HEADER, json.dumps(header, indent=2))
    if hasattr(file, "write"):
        file.write(archive.getvalue())
    else:
        with open(file, "wb") as opened:
            opened.write(archive.getvalue())


def load(file: Any, *, trusted: Iterable[str] = ()) -> Any:
    """Read an estimator that `save` wrote, and refuse everything else.

    Parameters
    ----------
    file : str, path or binary file object
        What to read; a file object is read from its position to its end.
    trusted : iterable of str, default=()
        Full names of types, and names of packages, that you trust the author of this file with.

    Returns
    -------
    object
        The estimator. Its predictions equal those of the saved one bit for bit (on the same machine, with the
        same versions of NumPy and SciPy).

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file was not written by `save`, is damaged, or is of a newer format than this version reads.
    TypeError
        If the file holds a type that is not trusted; the error names it. Nothing has been built by then.

    See Also
    --------
    save : Write the file; the example stands there.
    """
    import skops.io

    content, label = _read(file)
    header = _read_header(content, label)
    with _damage_noticed(label):
        needed = skops.io.get_untrusted_types(data=content)
    refused = _refused(needed, trusted)
    if refused:
        raise TypeError(
            f"{label} holds types that are not trusted: {', '.join(refused)}. It was written by version "
            f"{header['package']}, this is {_package_version()}. If you trust its author with "
            "them, name them in trusted=[...]"
        )
    with _damage_noticed(label):
        return skops.io.loads(content, trusted=needed)


def _read(file: Any) -> tuple[bytes, str]:
    """Return the bytes, and what to call the file in messages."""
    if hasattr(file, "read"):
        return file.read(), repr(file.name) if hasattr(file, "name") else "the file object"
    with open(file, "rb") as opened:
        return opened.read(), repr(os.fspath(file))


@contextlib.contextmanager
def _damage_noticed(label: str) -> Iterator[None]:
    """Turn whatever parsers raise on bytes that are not what they should be into one error."""
    try:
        yield
    except Warning:  # scikit-learn's word on another version, made an error by the user's filters
        raise
    except Exception as error:
        raise ValueError(f"{label} is damaged: {type(error).__name__}: {error}") from error


def _read_header(content: bytes, label: str) -> dict[str, Any]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as members:
            header = json.loads(members.read(HEADER))
            number, writer = header["format"], header["package"]
    except Exception as error:  # any bytes may stand there
        raise ValueError(f"{label} was not written by reservoir.save: {error}") from error
    if not isinstance(number, int) or number > FORMAT:
        raise ValueError(
            f"{label} has format {number!r}, written by version {writer}; this is version "
            f"{_package_version()}, which reads formats up to {FORMAT}: pip install --upgrade {DISTRIBUTION}"
        )
    return header


# ------------------------------------------------------------------------------------------------------ trust

_FORMATS = ("bsr", "coo", "csc", "csr", "dia")
_INERT_TYPES = frozenset(
    {
        "builtins.frozenset",
        "builtins.range",
        "datetime.datetime",
        "datetime.timedelta",
        "numpy.dtype",
        "sklearn.metrics._scorer._PassthroughScorer",
        "sklearn.metrics._scorer._Scorer",
        "sklearn.utils._metadata_requests.MetadataRequest",
        "sklearn.utils._metadata_requests.MethodMetadataRequest",
    }
)


def _refused(names: Iterable[str], trusted: Iterable[str]) -> list[str]:
    """Return those of the names that nobody trusts."""
    if isinstance(trusted, (str, bytes)):
        raise TypeError(f"trusted={trusted!r} must be a list of names of types or packages, not one string")
    trusted = list(trusted)
    allowed = _inert_types().union(trusted)
    packages = {*OWN_PACKAGES, *(name for name in trusted if "." not in name)}
    return sorted(name for name in names if name not in allowed and not _is_class_of(name, packages))


def _is_class_of(name: str, packages: Iterable[str]) -> bool:
    """Tell whether a full name stands for a class that a module of one of the packages defines.

    Its prefix alone would not tell: ``reservoir.contracts.persistence.os`` belongs to others, and a function would be
    called with arguments of the file's choice. Constructors of estimators only store: a class is safe to build.
    """
    module_name, _, class_name = name.rpartition(".")
    parts = module_name.split(".")
    if parts[0] not in packages or "__main__" in parts[1:]:
        return False
    try:
        found = getattr(importlib.import_module(module_name), class_name)
    except (ImportError, AttributeError):
        return False
    return isinstance(found, type) and found.__module__ == module_name


def _inert_types() -> frozenset[str]:
    """Return what skops can build but does not trust, although it only holds data or does pure arithmetic."""
    sparse = [getattr(scipy.sparse, f"{form}_{kind}") for form in _FORMATS for kind in ("array", "matrix")]
    splitters = [value for value in vars(sklearn.model_selection).values() if hasattr(value, "get_n_splits")]
    metrics = [value for value in vars(sklearn.metrics).values() if inspect.isfunction(value)]
    return _INERT_TYPES.union(_full_name(value) for value in (*sparse, *splitters, *metrics))


# ------------------------------------------------------------------------------------------- metadata routing


def _with_owners_by_name(estimator: Any) -> Any:
    """Return the estimator, or a copy of it that skops can write.

    skops writes trees, and a metadata request (``set_fit_request(groups=True)``) points back at its
    estimator. scikit-learn uses that pointer in messages alone and takes the class's name for it.
    """
    if next(_metadata_requests(estimator), None) is None:
        return estimator
    estimator = copy.deepcopy(estimator)
    for request in _metadata_requests(estimator):
        owner = request.owner  # a name already in older scikit-learn, and in what was loaded
        name = owner if isinstance(owner, str) else type(owner).__name__
        for part in (request, *vars(request).values()):
            if hasattr(part, "owner"):
                part.owner = name
    return estimator


def _metadata_requests(value: Any) -> Iterator[MetadataRequest]:
    if isinstance(value, MetadataRequest):
        yield value
    elif isinstance(value, BaseEstimator):
        yield from _metadata_requests(vars(value))
    elif isinstance(value, dict):
        for item in value.values():
            yield from _metadata_requests(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _metadata_requests(item)


# ----------------------------------------------------------------------------------------------------- naming


def _full_name(thing: Any) -> str:
    return f"{thing.__module__}.{thing.__name__}"


def _package_version() -> str:
    try:
        return version(DISTRIBUTION)
    except PackageNotFoundError:  # run from a source folder that was never installed
        return "unknown"
