"""Reading CSV as people save it: encodings, separators, headers, records, and what is wrong with a row. No I/O."""
