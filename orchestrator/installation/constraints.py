"""What the database itself holds of the installation: there is one."""

CONSTRAINTS: tuple[str, ...] = (
    "CREATE UNIQUE INDEX installation_one_key ON installation ((true))",
    "ALTER TABLE installation ADD CONSTRAINT installation_mark_positive CHECK (mark > 0)",
)
