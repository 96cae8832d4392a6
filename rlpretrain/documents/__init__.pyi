from .json_text import count_marks, decode_json, encode_json
from .reading import BESIDE, decode_answer, document_files, read_document, unwrap_document

__all__ = [
    "BESIDE",
    "count_marks",
    "decode_answer",
    "decode_json",
    "document_files",
    "encode_json",
    "read_document",
    "unwrap_document",
]
