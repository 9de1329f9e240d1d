"""What `import byzdl` offers, a file a function."""
