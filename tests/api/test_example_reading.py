"""How examples are read out of a page, and when what is shown is what is printed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.api.examples import Example, difference, examples_of

PAGE = """
```sh
curl x
```

```json
{"a": 1}
```

Text.

```python
print(1)  # 1
x = 2  # no output
print(x)  # 2
```

```js
console.log("a"); // a
```

```sh
make it
```
"""


def test_blocks_are_read_with_what_they_print(tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text(PAGE)
    found = list(examples_of(tmp_path / "page.md"))
    assert [(one.language, one.shown) for one in found] == [
        ("sh", '{"a": 1}\n'),
        ("python", "1\n2"),
        ("js", "a"),
        ("sh", None),
    ]
    assert found[0].is_json and found[1].where == "page.md:12"


@pytest.mark.parametrize(
    ("shown", "real", "same"),
    [
        ('{"a": 1}', '{"a": 1}', True),
        ('{"a": 1}', '{"a": 2}', False),
        ('{"a": 1}', '{"a": 1, "b": 2}', False),
        ('{"a": 1, "…": "…"}', '{"a": 1, "b": 2}', True),
        ('{"a": 1, "b": 2}', '{"a": 1}', False),
        ('["a", "…"]', '["a", "b", "c"]', True),
        ('["a", "…"]', '["b"]', False),
        ('["a"]', '["a", "b"]', False),
        ('["a", "b", "…"]', '["a"]', False),
        ('{"a": "x…z"}', '{"a": "xyz"}', True),
        ('{"a": "x…z"}', '{"a": "xy"}', False),
        ('{"a": true}', '{"a": 1}', False),
        ('{"created": 1}', '{"created": 2}', True),
        ('{"created": 1}', '{"created": "2"}', False),
        ('{"id": "req_01m8a44d2sm42f1h3jn287994c"}', '{"id": "req_01m8a48c1hd1pvr273r7rbepnf"}', True),
        ('{"id": "req_01m8a44d2sm42f1h3jn287994c"}', '{"id": "key_y5j0xz9amrm41haq09t0"}', False),
        ('{"at": "2026-11-25T19:50:12.825Z"}', '{"at": "2027-01-01T00:00:00.000Z"}', True),
        ('{"at": "2026-11-25T19:50:12.825Z"}', '{"at": null}', False),
    ],
)
def test_json_is_the_same_but_for_what_changes_each_time(shown: str, real: str, same: bool) -> None:
    assert (difference(Example("sh", "", shown, True, "x"), real) is None) is same


@pytest.mark.parametrize(
    ("shown", "real", "same"),
    [
        ("one\ntwo\n", "one\ntwo\n", True),
        ("one\ntwo\n", "one\n", False),
        ("one\n…\nfour\n", "one\ntwo\nthree\nfour\n", True),
        ("one\n…\nfour\n", "one\nfour\n", True),
        ("one\n…\nfour\n", "one\ntwo\nfive\n", False),
        ("charge: …\n", "charge: 0.01 USD\r\n", True),
        ("charge: … CNY\n", "charge: 0.01 USD\n", False),
        ("a.b\n", "aXb\n", False),
    ],
)
def test_text_is_the_same_but_for_what_is_left_out(shown: str, real: str, same: bool) -> None:
    assert (difference(Example("sh", "", shown, False, "x"), real) is None) is same
