package closeeino
