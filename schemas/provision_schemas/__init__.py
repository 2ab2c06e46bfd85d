"""The data that provision is made of: schemas, field tables, codes, the texts of its additions."""
