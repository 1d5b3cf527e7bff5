"""The contracts as documents: JSON Schemas and AsyncAPI, made from the structs that are decoded."""
