import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.runner import SequentialRunner

from tests.measurement.examples import OPTIONS as MEASURE
from tuneproof.audit.language import coherence
from tuneproof.audit.leakage import trace_leakage
from tuneproof.audit.score import DataQualityScore
from tuneproof.audit.summary import summarise
from tuneproof.manifest import describe_options, mark_prepared
from tuneproof.pairs import RejectedRow
from tuneproof.pipelines.data_quality import create_pipeline

from .examples import OPTIONS, PREPARE, base_model, embed_statements, pair, sample


def test_the_pipeline_scores_and_summarises() -> None:
    rejected = [RejectedRow(file="x.jsonl", line=1, content="", reasons=["blank"])]
    catalog = DataCatalog(
        {
            "train_pairs": MemoryDataset(sample()[:150]),
            "validation_pairs": MemoryDataset(sample()[150:]),
            "eval_pairs": MemoryDataset([pair()]),
            "pair_leakage": MemoryDataset(
                mark_prepared(trace_leakage(sample()[:150], sample()[150:], [pair()], 0.8), PREPARE)
            ),
            "rejected_pairs": MemoryDataset(rejected),
            "base_model": MemoryDataset(base_model(), copy_mode="assign"),
            "params:measure": MemoryDataset(MEASURE),
            "params:data_quality": MemoryDataset(OPTIONS),
        }
    )
    outputs = SequentialRunner().run(create_pipeline(), catalog)
    assert set(outputs) == {"data_quality_summary"}
    summary = outputs["data_quality_summary"].load()
    assert "rejected rows: 1" in summary
    assessment = create_pipeline().only_nodes("assess_data_quality")
    report = SequentialRunner().run(assessment, catalog)["data_quality_report"].load()
    assert isinstance(report, DataQualityScore)
    assert report.rejected_rows == 1
    assert report.manifest.base_model == base_model().manifest.base_model
    assert report.manifest.parameters["prepare"] == describe_options(PREPARE)
    assert summarise(report) == summary
    # The node encodes what the pairs say, train before validation, without who says it.
    expected = coherence(embed_statements(sample())).score
    assert report.linguistic_quality.sub_scores["coherence"].score == pytest.approx(expected)


def test_the_node_names_are_verbs() -> None:
    names = [node.name for node in create_pipeline().nodes]
    assert names == ["assess_data_quality", "summarise_data_quality"]
