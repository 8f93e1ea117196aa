"""Run as a program, by `export.games`: prints the names in a table of games as JSON. It may be ended at any moment."""

import json
import sys
from collections.abc import Mapping, Sequence

COLUMN = "game_label"


def names_in(path: str, most_rows: int, most_text: int) -> Mapping[str, Sequence[str]]:
    """Return the ``names`` in the table at ``path``; or what is ``beyond`` the limits, or the ``fault`` that it has."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    pa.set_cpu_count(1)
    try:
        if (rows := pq.read_metadata(path).num_rows) > most_rows:
            return {"beyond": [f"{rows} rows", str(most_rows)]}
        try:  # as words and their numbers: a word that stands in every row is kept once
            table = pq.read_table(path, columns=[COLUMN], read_dictionary=[COLUMN], use_threads=False)
        except (pa.ArrowException, OSError):  # not of names that are written as what changes from one to the next
            table = pq.read_table(path, columns=[COLUMN], use_threads=False)
        names = list[str]()
        for chunk in table.column(COLUMN).chunks:
            words = chunk.dictionary if isinstance(chunk, pa.DictionaryArray) else chunk
            if words.nbytes > most_text:
                return {"beyond": [f"{words.nbytes} bytes of names", str(most_text)]}
            used = chunk.indices.unique().to_pylist() if isinstance(chunk, pa.DictionaryArray) else range(len(words))
            names += {str(words[place].as_py()) for place in used if place is not None and words[place].is_valid}
        if (length := sum(map(len, names))) > most_text:
            return {"beyond": [f"{length} characters of names", str(most_text)]}
    except (pa.ArrowException, KeyError, OSError, MemoryError, ValueError) as error:  # also names that are not UTF-8
        return {"fault": [" ".join(str(error).split())[:400]]}
    return {"names": sorted(set(names))}


if __name__ == "__main__":
    json.dump(names_in(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])), sys.stdout)
