"""An asset that began trading shortly before the validation window."""

import asyncio
from pathlib import Path

import pytest

from rlpretrain import PretrainingPipeline
from rlpretrain.errors import DataError
from rlpretrain.stages import TRANSFER, VALIDATE
from rlpretrain.stages.validate import evidence_file
from rlpretrain.validation import AssetValidation
from tests.stages.conftest import tiny

pytestmark = pytest.mark.slow  # a whole run

# The generated ETH-USD begins on 2015-08-07; its state is complete after 250 days.
YOUNG = {
    "market": "generated:years=10,end=2020-12-31,seed=3",
    "validation_envs": ["ETH-USD"],
    "validation_start": "2016-08-01",
    "allow_late_edits": True,
    "history": "last_version",  # In 2016 few of these strategies had been written.
}


def test_its_arms_learn_where_the_agent_learned(tmp_path: Path) -> None:
    pipeline = PretrainingPipeline(tiny(tmp_path, **YOUNG, test_start="2018-07-02"), run_id="young")
    asyncio.run(pipeline.run_pipeline())
    folder = pipeline.run.folder
    validated = VALIDATE.read(folder.require(VALIDATE.manifest_name("ETH-USD")))
    assert validated.learned_on == TRANSFER.read(folder.require("transfer")).assets
    evidence = (folder / evidence_file("ETH-USD")).read_bytes()
    assert AssetValidation.model_validate_json(evidence).comparisons


def test_too_young_is_said_before_the_work_begins(tmp_path: Path) -> None:
    config = tiny(tmp_path, **YOUNG | {"validation_start": "2015-12-01"}, test_start="2016-04-01")
    with pytest.raises(DataError, match=r"ETH-USD has .* bars before the test window"):
        asyncio.run(PretrainingPipeline(config, run_id="young").run_pipeline())
    assert not (tmp_path / "young/list.json").exists()
