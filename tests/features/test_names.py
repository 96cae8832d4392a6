from rlpretrain.features import ASSET, FEATURES, MARKET, POSITION, STATE_DIM, STATE_NAMES, VOTES


def test_layout_is_64_numbers_in_four_blocks() -> None:
    assert STATE_DIM == len(FEATURES) == 64
    assert len(set(STATE_NAMES)) == 64
    bounds = [(block.start, block.stop) for block in (ASSET, MARKET, VOTES, POSITION)]
    assert bounds == [(0, 41), (41, 52), (52, 61), (61, 64)]
    for block, name in ((ASSET, "asset"), (MARKET, "market"), (VOTES, "votes"), (POSITION, "position")):
        assert {feature.block for feature in FEATURES[block]} == {name}


def test_every_number_is_documented() -> None:
    for feature in FEATURES:
        assert feature.name.isidentifier()
        assert len(feature.description) > 10
        assert feature.unit
