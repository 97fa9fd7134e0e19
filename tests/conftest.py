"""What holds for all tests."""

from hypothesis import settings

# A busy machine is slow, and that says nothing about the code.
settings.register_profile("unfade", deadline=None)
settings.load_profile("unfade")
