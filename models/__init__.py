"""Image generators: what turns a request into pictures, and how the bundled ones were trained."""
