"""The pipelines as a static site of kedro-viz, which names no path of the machine that built it.

`python -m tuneproof.lineage build/lineage` writes the site; it needs a server to be looked at, such
as `python -m http.server --directory build/lineage`.
"""

import json
import os
import re
import shutil
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import click
from kedro.framework.project import pipelines
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project

_HOMES: Final = re.compile(r"(?<![\w.~-])/(?:home|Users)/[^/\s\"']+")
"""Home folders, whoever's: a manifest may come from another machine."""

_UNUSED_PAGES: Final = ("404.html", "autoreload.html", "telemetry.html")


def build_lineage(
    folder: Path,
    project: Path,
    parameters: Mapping[str, Any],
    env: str | None = None,
    previews: bool = True,
) -> None:
    """Write the site; one that stands there already is replaced as a whole.

    Args:
        folder: Where it goes.
        project: Root of the Kedro project, which kedro-viz takes the current folder for.
        parameters: Runtime parameters, as of `kedro run --params`.
        env: The environment, as of `kedro run --env`.
        previews: Whether it shows what is in the artifacts, texts of pairs among it.

    Raises:
        FileExistsError: The folder holds something else than such a site.
        FileNotFoundError: The project's root is none.
    """
    if not (project / "pyproject.toml").is_file():
        raise FileNotFoundError(f"{project}: found no pyproject.toml, expected the project's root")
    import fsspec
    import kedro_viz

    with warnings.catch_warnings(action="ignore"):  # it uses what FastAPI will take away
        from kedro_viz.api.rest.responses import save_responses
    from kedro_viz.data_access import data_access_manager
    from kedro_viz.server import populate_data

    if folder.exists() and any(folder.iterdir()) and not (folder / "api" / "main").exists():
        raise FileExistsError(f"{folder}: found other files there, expected a site or nothing")
    project = project.resolve()
    bootstrap_project(project)
    session = KedroSession.create(project_path=project, env=env, runtime_params=dict(parameters))
    with session:
        context = session.load_context()
        settings = [context.config_loader["globals"], context.params, dict(parameters)]
        data_access_manager.reset_fields()
        populate_data(data_access_manager, context.catalog, dict(pipelines), {})

    staging = folder.with_name(f".{folder.name}.{os.getpid()}.partial")
    try:
        shutil.copytree(
            Path(kedro_viz.__file__).parent / "html",
            staging,
            ignore=shutil.ignore_patterns(*_UNUSED_PAGES, ".vite"),
        )
        _forget_foreign_fonts(staging / "index.html")
        files = fsspec.filesystem("file")
        save_responses.save_api_responses_to_fs(str(staging), files, previews)
        names = _names_of_places(project, settings)
        for response in filter(Path.is_file, (staging / "api").rglob("*")):
            content = _without_paths(json.loads(response.read_bytes()), project, names)
            response.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        staging.rename(folder)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def remove_paths(text: str, names: Mapping[str, str]) -> str:
    """Replace the places of this machine in a text, and home folders of any other.

    Args:
        text: Any text.
        names: What stands for each absolute path; longer paths are replaced first.

    Examples:
        >>> remove_paths("/srv/it/data/x.png of /home/ann", {"/srv/it": ".", "/srv/it/data": "d"})
        'd/x.png of ~'
    """
    for place in sorted(names, key=len, reverse=True):
        name = names[place].replace("\\", r"\\")
        text = re.sub(rf"(?<![\w.~-]){re.escape(place)}(?![\w-])", name, text)
    return _HOMES.sub("~", text)


def _names_of_places(project: Path, settings: Any) -> dict[str, str]:
    """Name the absolute paths that can stand in a response: the project's, and those set to."""
    outside = {path: path.name for path in _absolute_paths(settings)}
    own = {Path.home(): "~", Path(__file__).parents[1]: "src", project: "."}
    return {str(path): name for path, name in (outside | own).items() if path.name}


def _absolute_paths(settings: Any) -> Iterator[Path]:
    """Yield what is an absolute path among settings, however deep it stands."""
    match settings:
        case dict():
            yield from _absolute_paths(list(settings.values()))
        case list():
            for value in settings:
                yield from _absolute_paths(value)
        case str() if Path(settings).is_absolute():
            yield Path(settings)


def _without_paths(
    response: dict[str, Any], project: Path, names: Mapping[str, str]
) -> dict[str, Any]:
    """Make a response's own path relative to the project, and replace those in its texts."""
    images = {}
    if response.get("preview_type") == "ImagePreview":
        images = {"preview": response["preview"]}  # base64 holds slashes too
    path = response.get("filepath")
    if path is not None:
        # kedro-viz gives the source of a node relative to the folder around the project.
        path = path.removeprefix(f"{project}/").removeprefix(f"{project.name}/")
        response = {**response, "filepath": path}
    return {**_replace_places(response, names), **images}


def _replace_places(content: Any, names: Mapping[str, str]) -> Any:
    match content:
        case dict():
            return {key: _replace_places(value, names) for key, value in content.items()}
        case list():
            return [_replace_places(value, names) for value in content]
        case str():
            return remove_paths(content, names)
    return content


def _forget_foreign_fonts(page: Path) -> None:
    """Take out what the page would load from elsewhere."""
    text = page.read_text(encoding="utf-8")
    page.write_text(re.sub(r"<link\s[^>]*https://[^>]*>\s*", "", text), encoding="utf-8")


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), default="build/lineage")
@click.option("--env", help="The environment of the runs, if not local.")
@click.option("--data-root", help="Where the runs wrote, if not where conf/ says.")
@click.option("--previews/--no-previews", default=True, help="Show what is in the artifacts.")
def main(folder: Path, env: str | None, data_root: str | None, previews: bool) -> None:
    """Write the pipelines of the project in the current folder as a static site to FOLDER."""
    parameters = {} if data_root is None else {"data_root": data_root}
    try:
        build_lineage(folder, Path.cwd(), parameters, env, previews)
    except (FileExistsError, FileNotFoundError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"Look at it with: python -m http.server --directory {folder}")


if __name__ == "__main__":
    main()
