"""The cache of compiled templates."""

from uuid import uuid4

from heliograph.rendering import TemplateCache, compile_template


def test_the_version_not_used_for_longest_goes_first() -> None:
    cache, compiled = TemplateCache(size=2), compile_template("Hi")
    first, second, third = uuid4(), uuid4(), uuid4()
    cache.put(first, compiled)
    cache.put(second, compiled)
    assert cache.get(first) is compiled
    cache.put(third, compiled)
    assert (cache.get(first), cache.get(second), cache.get(third)) == (compiled, None, compiled)
    assert len(cache) == 2
