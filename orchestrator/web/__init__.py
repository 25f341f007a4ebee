"""The pages that shoppers, invoice recipients and operators see. Templates are filled by view models, never by rows."""
