"""What is written where: `page` (writing on a sheet), then a module per family of layouts, and `catalog`, which lists them."""
