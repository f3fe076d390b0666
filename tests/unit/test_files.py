"""Files that appear whole: what stands in their place keeps what is its own."""

from __future__ import annotations

from pathlib import Path

from dgljoint._internal.files import write_text


def test_a_link_stays_one_and_leads_to_the_new_content(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    link = tmp_path / "link.txt"
    link.symlink_to(elsewhere / "file.txt")
    for content in ("made", "replaced"):
        write_text(link, content)
        assert link.is_symlink()
        assert [file.name for file in elsewhere.iterdir()] == ["file.txt"]
        assert (elsewhere / "file.txt").read_text() == content


def test_a_file_keeps_its_mode(tmp_path: Path) -> None:
    file = tmp_path / "private.txt"
    write_text(file, "mine")
    file.chmod(0o600)
    write_text(file, "still mine")
    assert file.read_text() == "still mine"
    assert file.stat().st_mode & 0o777 == 0o600
