"""Registries: one key, one class."""

import pytest

from core.registry import Registry


class Fruit:
    key = "apple"
    label = "Apple"


def test_a_registered_class_is_found_by_its_key_and_offered_as_a_choice() -> None:
    fruits: Registry[Fruit] = Registry("fruit")
    assert fruits.register(Fruit) is Fruit
    assert isinstance(fruits["apple"], Fruit)
    assert fruits.choices() == [("apple", "Apple")]


def test_two_classes_of_one_key_are_refused_by_name() -> None:
    fruits: Registry[Fruit] = Registry("fruit")
    fruits.register(Fruit)
    with pytest.raises(ValueError, match="apple"):
        fruits.register(type("Other", (Fruit,), {}))
