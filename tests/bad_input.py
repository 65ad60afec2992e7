"""The tables of bad input: what is typed, and what the error must say.

Tests run both; the page of errors shows `CASES`, which people meet, without `CORNERS`.
"""

from __future__ import annotations

import contextlib
import gzip
import tempfile
import warnings
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.exceptions import NotFittedError

import infometric as im
from infometric.exceptions import (
    ColumnError,
    DataError,
    InvalidParameterError,
    MergeError,
    OutputError,
    SourceError,
    UnsupportedError,
)


@dataclass(frozen=True)
class Case:
    """Bad input: the lines typed, the error, what it shows, and the next line it gives."""

    title: str
    code: str
    error: type[Exception]
    says: str
    hint: str


CASES = (
    # data
    Case("An empty frame", "im.psi(pd.DataFrame(), frame)", DataError, "0 sample(s)", "filter"),
    Case(
        "A frame without rows", "im.psi(frame, frame[frame.age > 200])",
        DataError, "0 sample(s)", "filter",
    ),
    Case("A file without rows", "im.psi('header.csv', 'loans.csv')",
         DataError, "header.csv: 0 sample(s)", "filter"),
    Case("A Parquet file without rows", "im.psi('loans.csv', 'header.parquet')",
         DataError, "header.parquet: 0 sample(s)", "filter"),
    Case("An array beside a warehouse table",
         "import ibis; im.information_value(ibis.memtable(frame[['age']]), frame.bad)",
         DataError, "have no order", "pass its name: y='name'"),
    Case(
        "One class in the target", "im.information_value(frame[frame.bad == 1], 'bad')",
        DataError, "Got [1]", "both classes",
    ),
    Case(
        "A target with three classes", "im.information_value(frame, 'grade')",
        DataError, "Got ['a', 'b', 'c']", "y = (y == 'c')",
    ),
    Case(
        "A target with missing values", "im.information_value(frame, 'gaps')",
        DataError, "1 missing", ".notna()",
    ),
    Case(
        "A target of another length", "im.information_value(frame, [0, 1, 1])",
        DataError, "'y': 3", "pair the rows",
    ),
    Case("A target of two columns", "im.information_value(frame[['age']], frame[['bad', 'grade']])",
         DataError, "{'columns': 2}", "choose one"),
    Case(
        "No target", "im.InformationValue().fit(frame)", DataError, "y is None", "fit(X, y)",
    ),
    Case(
        "A column that is missing everywhere", "im.psi(frame.assign(age=np.nan), frame)",
        DataError, "'age' is missing", "constant='keep'",
    ),
    Case(
        "A constant column", "im.psi(frame.assign(age=40), frame)",
        DataError, "every value is 40", "constant='keep'",
    ),
    Case(
        "Infinite values", "im.psi(frame.assign(income=np.inf), frame)",
        DataError, "40 infinite", "special=[float('inf')",
    ),
    Case(
        "Mismatched columns", "im.psi(frame, frame.rename(columns={'income': 'incme'}))",
        ColumnError, "'income'", "'incme'",
    ),
    Case("A column to slice by that is not there", "im.psi(frame, frame, by='grad')",
         ColumnError, "'grad'", "'grade'"),
    Case(
        "A target that is not there", "im.information_value(frame, 'badd')",
        ColumnError, "'badd'", "'bad'",
    ),
    Case(
        "An array with another number of columns",
        "im.PSI().fit(frame[['age', 'income']].to_numpy()).estimate(np.ones((5, 3)))",
        DataError, "3 features", "2 column(s)",
    ),
    Case(
        "Text where numbers were",
        "im.PSI().fit(frame[['age']]).estimate(frame[['age']].astype(str))",
        DataError, "holds text", "astype(float)",
    ),
    Case("Text where numbers were, in a file", "im.psi('loans.csv', 'words.csv')",
         DataError, "1 of its 1 distinct values are no number. Got 'old'", "to_numeric"),
    Case("One bad cell in a column of numbers", "im.psi('spoilt.csv', 'spoilt.csv')",
         DataError, "of its 200 distinct values all but 1 are numbers. Got 'n/k'", "to_numeric"),
    Case("Decimal commas", "im.psi('commas.csv', 'commas.csv')",
         DataError, "200 are numbers with a comma. Got '0,", "str.replace(',', '.')"),
    Case(
        "Numbers where categories were",
        "im.PSI().fit(frame[['grade']]).estimate(frame[['grade']].assign(grade=7))",
        DataError, "'grade' holds numbers", "as the reference was",
    ),
    Case(
        "Truth values where text was",
        "im.psi(pd.Series(['yes', 'no'] * 20), pd.Series([True, False] * 20))",
        DataError, "holds truth values where the encoder knows text", ".astype(str)",
    ),
    Case("Dates", "im.psi(frame.assign(age=pd.Timestamp('2026-01-31')), frame)",
         DataError, "2026", "exclude=['age']"),
    Case(
        "Several columns that cannot be used",
        "im.psi(frame.assign(day=pd.Timestamp('2026-01-31'), fee=1.5), frame)",
        DataError, "2 of 7 columns", "exclude=['day', 'fee']",
    ),
    Case("A slice for every row", "im.psi(longer[['x']], longer, by='time')",
         DataError, "1200 distinct values, more than 1000", "dt.strftime('%Y-%m')"),
    Case(
        "A target whose rows are in another order",
        "im.information_value(frame[['age']], frame.bad[::-1])",
        DataError, "label 0 beside label 39", "y.loc[X.index]",
    ),
    Case("Columns of one name", "im.psi(frame[['age', 'age']], frame)",
         DataError, "Got ['age']", "rename"),
    Case("Complex numbers", "im.psi(np.array([1j, 2, 3]), np.ones(3))",
         DataError, "complex128", "real and imaginary"),
    Case("Three axes", "im.psi(np.ones((2, 2, 2)), np.ones(3))",
         DataError, "(2, 2, 2)", "reshape"),
    Case("A lone number", "im.entropy(3)", DataError, "Got 3", "pass an array"),
    Case("Continuous numbers without bins", "im.entropy(frame['income'])",
         UnsupportedError, "continuous", "bins=10"),
    Case("A number that is missing where neighbours are looked for",
         "im.mutual_information(frame.income.where(frame.age > 30), frame.age * 1.5)",
         DataError, "NaN or infinity", "np.isfinite(income)"),
    Case("More neighbours than rows", "im.differential_entropy(frame.income, n_neighbors=40)",
         DataError, "at least 42 rows", "smaller n_neighbors"),
    Case("No neighbours", "im.mutual_information(frame.income, frame.age * 1.5, n_neighbors=0)",
         InvalidParameterError, "Got 0", "n_neighbors="),
    Case("An estimator that does not exist",
         "im.mutual_information(frame.income, frame.age * 1.5, estimator='ksg')",
         InvalidParameterError, "Got 'ksg'", "estimator="),
    Case("An estimator of something else",
         "im.mutual_information(frame.income, frame.age * 1.5, "
         "estimator=im.functional.differential.KozachenkoLeonenko())",
         InvalidParameterError, "differential_entropy", "estimator='auto'"),
    Case("A bootstrap of neighbours",
         "im.mutual_information(frame.income, frame.age * 1.5, method='bootstrap')",
         UnsupportedError, "copied row", "uncertainty="),
    Case("Weights of neighbours",
         "im.mutual_information(frame.income, frame.age * 1.5, sample_weight=frame.age)",
         UnsupportedError, "no weighted form", "bins=10"),
    Case("A constant column's density", "im.differential_entropy([1.5] * 40)",
         DataError, "no density", "leave the column out"),
    Case("Text beside numbers in one vector",
         "im.mutual_information(frame[['grade', 'income']], frame.age * 1.5)",
         DataError, "mixes text", "variable of its own"),
    Case("An order beyond the neighbours", "im.differential_renyi_entropy(frame.income, 7)",
         InvalidParameterError, "below n_neighbors + 1", "n_neighbors=9"),
    Case("Spacings of a vector",
         "im.differential_entropy(frame[['age', 'income']], estimator='vasicek')",
         DataError, "one dimension", "estimator='knn'"),
    Case("A correction of counts beside neighbours",
         "im.mutual_information(frame.income, frame.age * 1.5, bias='second_order')",
         InvalidParameterError, "no effect", "leave bias out"),
    Case("Samples of unequal length", "im.mutual_information([0, 1, 1], [0, 1])",
         DataError, "'x': 3, 'y': 2", "pair the rows"),
    Case("A drift without a current sample", "im.PSI().fit(frame).estimate()",
         DataError, "reference alone", "estimate(current)"),
    Case("One variable for mutual information", "im.mutual_information(frame.grade)",
         DataError, "y is None", "fit(x, y)"),
    Case("An estimate before the fit", "im.PSI().estimate(frame)",
         NotFittedError, "This PSI instance is not fitted yet", "Call 'fit'"),
    Case("Samples of unequal length, one of them given",
         "im.conditional_mutual_information([0, 1, 1], [0, 1, 0], [0, 1])",
         DataError, "'x': 3, 'y': 3, 'z': 2", "pair the rows"),
    Case("One column where several belong", "im.total_correlation(frame[['grade']])",
         DataError, "n_features=1. Got ['grade']", "frame[['a', 'b', 'c']]"),
    Case("A series shorter than its past",
         "im.transfer_entropy([0, 1, 1], [0, 1, 0], target_history=3)",
         DataError, "A past of 3 steps needs a longer series; n_samples=3", "a longer series"),
    Case("A condition that fit did not see",
         "im.ConditionalMutualInformation().fit(frame.grade, frame.bad)"
         ".estimate(frame.grade, frame.bad, frame.gaps)",
         DataError, "z is given, and fit saw none", "the same call as fit"),
    # counts and weights
    Case("Negative counts", "im.Counts.from_counts([3, -1])",
         DataError, "Got [-1]", "counts[~(counts >= 0)]"),
    Case("A group without records", "im.Counts.from_counts([[3, 1], [0, 0]])",
         DataError, "'empty groups': [1]", "leave the empty rows"),
    Case("Counts that are missing", "im.Counts.from_counts([3, np.nan])",
         DataError, "Got [nan]", "counts[~(counts >= 0)]"),
    Case("Counts of groups where one table belongs",
         "im.mutual_information(im.Counts.from_counts([[3, 1], [2, 4]]))",
         DataError, "one joint table of two variables", "joint=True"),
    Case("Counts of two variables where a third is given",
         "im.conditional_mutual_information(im.Counts.from_counts([[3, 1], [2, 4]], joint=True))",
         DataError, "one joint table of three variables. Got {'groups': 1, 'shape': (2, 2)}",
         "joint=True"),
    Case("Counts of different cells",
         "im.kl_divergence(im.Counts.from_counts([3, 1]), im.Counts.from_counts([3, 1, 2]))",
         MergeError, "different shapes", "encode both with one encoder"),
    Case("A permutation of counts that are not whole",
         "im.total_correlation(im.Counts.from_counts([[1.5, 2], [3, 4]], joint=True), "
         "method='permutation')",
         UnsupportedError, "not whole. Got [1.5]", "round the counts"),
    Case("Adjusting fractions for chance",
         "im.adjusted_mutual_information(im.Counts.from_counts([[1.5, 2], [3, 4]], joint=True))",
         UnsupportedError, "whole, unweighted counts. Got [1.5]", "normalized_mutual_information"),
    Case("Negative weights", "im.PSI().fit(frame, sample_weight=-np.ones(40))",
         DataError, "-1.0", "keep = w > 0"),
    Case("Weights of zero", "im.PSI().fit(frame, sample_weight=np.zeros(40))",
         DataError, "0.0", "keep = w > 0"),
    Case("Weights that are missing", "im.PSI().fit(frame, sample_weight=[np.nan] + [1.0] * 39)",
         DataError, "Got [nan]", "keep = w > 0"),
    Case(
        "Weights of a sample that is shorter",
        "im.kl_divergence(frame.grade, frame.grade[:30], sample_weight=(np.ones(40), np.ones(40)))",
        DataError, "{'weights': (40,), 'rows': 30}", "sample_weight=frame['weight']",
    ),
    Case("Weights whose squares overflow",
         "im.PSI().fit(frame, sample_weight=np.full(40, 1e300))",
         DataError, "1e+300", "w / w.mean()"),
    Case("A record whose cluster is not known",
         "im.psi(frame[['age', 'gaps']], frame, cluster='gaps')",
         DataError, "'gaps' has 1 missing value(s)", "frame['gaps'].notna()"),
    Case("Clusters that are numbers here and text there",
         "im.psi(frame.assign(who=range(40)), frame.assign(who=frame.grade), cluster='who')",
         MergeError, "numbers in one part and by text in the other", ".astype(str)"),
    Case("Weights that are clusters",
         "im.psi(frame, frame, cluster='income', sample_weight='income')",
         DataError, "weight and cluster at once. Got 'income'", "cluster='customer'"),
    Case("A bootstrap of clusters with weights",
         "im.psi(frame[['age', 'income', 'bad']], frame, cluster='bad', sample_weight='income', "
         "method='bootstrap')",
         UnsupportedError, "records of a cluster are not exchangeable", "method='ncx2'"),
    Case("Points for another number of cells",
         "im.csi(frame, frame, points={'age': [10, 20]}, bins=4)",
         DataError, "{'points': (2,), 'cells': 5}", "bins=scorecard.encoders_"),
    Case("A cell without points", "im.csi(frame, frame, points={'grade': {'a': 10, 'b': 20}})",
         DataError, "have no points. Got 'c'", "'other' and 'missing'"),
    Case("Points of a cell that is not there", "im.csi(frame, frame, points={'grade': {'z': 1}})",
         DataError, "Got 'z'", "'a', 'b', 'c'"),
    # fairness
    Case("A protected group of five people",
         "im.fair_frontier(frame[['age', 'income']], frame.bad, np.repeat(['m', 'f'], [35, 5]))",
         DataError, "Group 'f' of the protected attribute", "five people"),
    Case("A protected attribute with missing values", "im.fair_frontier(frame, 'bad', 'gaps')",
         DataError, "1 missing", ".fillna('unknown')"),
    Case("A protected number without groups", "im.fair_frontier(frame, 'bad', 'age')",
         DataError, "2 to 12 groups", "protected={'age': [25, 60]}"),
    Case("A protected attribute that is not there", "im.fair_frontier(frame, 'bad', 'grad')",
         ColumnError, "no column 'grad'", "'grade'"),
    Case("A budget of fairness that is not positive",
         "im.fair_frontier(frame, 'bad', {'age': [45]}, columns=['income'], budgets=[0])",
         InvalidParameterError, "positive number of nats", "budgets=[0.02, 0.05, 0.1]"),
    Case("A budget for some of the protected attributes",
         "im.fair_frontier(frame, 'bad', {'age': [45], 'grade': None}, columns=['income'], "
         "min_count=1, holdout=0.5, budgets=[{'age': 0.1}])",
         InvalidParameterError, "'grade'", "budgets=[{'age': 0.05, 'grade': 0.05}]"),
    Case("A point that the frontier does not have",
         "im.fair_frontier(frame, 'bad', {'age': [45]}, columns=['income'], pre_bins=4, rng=0)[12]",
         InvalidParameterError, "points 0 to 8", "to_frame()"),
    Case("One budget of fairness without a list",
         "im.fair_frontier(frame, 'bad', {'age': [45]}, columns=['income'], budgets=0.02)",
         InvalidParameterError, "list of nats", "budgets=[0.02]"),
    Case("Cuts of a protected number that all values are below",
         "im.fair_frontier(frame, 'bad', {'age': [200]}, columns=['income'])",
         InvalidParameterError, "in one group", "a cut inside that range"),
    Case("A protected attribute among the characteristics",
         "im.fair_frontier(frame, 'bad', 'grade', columns=['income', 'grade'])",
         InvalidParameterError, "one of the characteristics", "columns=['income']"),
    Case("Fair bins of a warehouse table",
         "import ibis; im.fair_frontier(ibis.memtable(frame), 'bad', 'grade')",
         DataError, "rows without order", "X.to_pandas()"),
    Case("Decisions in words of which neither is plainly favourable",
         "im.adverse_impact(np.where(frame.bad, 'refused', 'paid out'), frame.grade)",
         DataError, "which of them is favourable", "favourable='paid out'"),
    Case("A favourable decision that nobody got",
         "im.adverse_impact(frame.bad, frame.grade, favourable='yes')",
         InvalidParameterError, "one of the decisions 0 and 1", "favourable=1"),
    Case("A decision with one value", "im.adverse_impact(np.ones(40), frame.grade)",
         DataError, "exactly two classes", "both classes"),
    Case("A reference that is no group",
         "im.adverse_impact(frame.bad, frame.grade, reference='d')",
         InvalidParameterError, "one of the groups", "reference='a'"),
    Case("A limit of fairness that is no number",
         "im.FairnessIV(limit=0).fit(frame[['age']], frame.bad)",
         InvalidParameterError, "'limit'", "limit=0.05"),
    Case("A period without a name", "im.StabilityMonitor().fit(frame).update(frame)",
         InvalidParameterError, "{'period': None, 'by': None}", "period='2026-01'"),
    Case("A period before the last",
         "im.StabilityMonitor().fit(frame).update(frame, '2026-02').update(frame, '2026-01')",
         DataError, "'2026-01' is not after '2026-02'", "records of its own"),
    Case("A period without a place in time",
         "im.StabilityMonitor().fit(frame).update(frame, 'Jan 2026')",
         DataError, "'Jan 2026'", "write 2026-09"),
    Case("Periods that are the values of a watched column",
         "im.StabilityMonitor().fit(frame).update(frame, by='grade')",
         InvalidParameterError, "'grade' is watched", "exclude=['grade']"),
    Case("A column watched twice", "im.StabilityMonitor(columns=['age', 'age']).fit(frame)",
         InvalidParameterError, "watched once", "columns=['age']"),
    Case("A score that says who a record is of",
         "im.StabilityMonitor(score='age', cluster='age').fit(frame)",
         InvalidParameterError, "belong together", "cluster='client'"),
    Case("An audit record that is no mapping", "im.AuditLog('notes.jsonl').append('note', [1])",
         InvalidParameterError, "Got [1]", "append('note'"),
    Case("A log that is not there to mend", "im.AuditLog('audits.jsonl').mend()",
         SourceError, "audits.jsonl cannot be read", "begins a log"),
    Case("Another sample for a period that is recorded",
         "im.StabilityMonitor().fit(frame).update(frame, '2026-01').update(frame[1:], '2026-01')",
         DataError, "recorded with other counts", "2026-01 corrected"),
    Case("A score that is not there", "im.StabilityMonitor(score='scor').fit(frame)",
         ColumnError, "'scor'", "nearest name"),
    Case("A report before the first period", "im.StabilityMonitor().fit(frame).report()",
         DataError, "No period", "period='2026-01'"),
    Case("Audit records that were edited", "im.StabilityMonitor.from_records('edited.jsonl')",
         DataError, "Line 1 of edited.jsonl was edited", "backup"),
    Case("An audit record that was not written to its end",
         "im.StabilityMonitor.from_records('torn.jsonl')",
         DataError, "line 2, was not written to its end", ".mend()"),
    Case("Records of another reference",
         "im.StabilityMonitor(records='audit.jsonl').fit(frame[1:])",
         DataError, "begun with another reference", "records='another.jsonl'"),
    Case("Records that are not there", "im.StabilityMonitor.from_records('audits.jsonl')",
         SourceError, "audits.jsonl cannot be read", "begins a log"),
    Case("Counts too large to be exact", "im.Counts.from_counts([1e18, 3])",
         DataError, "Got 1e+18", "counts / 1000"),
    Case("Weights of another length", "im.PSI().fit(frame, sample_weight=np.ones(41))",
         DataError, "(41,)", "sample_weight=frame['weight']"),
    Case(
        "Merging counts of different encoders",
        "im.PSI(bins=5).fit(frame).state_['age'] + im.PSI(bins=4).fit(frame).state_['age']",
        MergeError, "different encoders cannot be joined. Got ('", "bins=fitted.encoders_",
    ),
    Case("Merging counts of different shapes",
         "im.Counts.from_counts([3, 1]) + im.Counts.from_counts([3, 1, 2])",
         MergeError, "((2,), (3,))", "bins=fitted.encoders_"),
    Case(
        "Merging fits with different bins", "im.PSI(bins=5).fit(frame).merge(im.PSI().fit(frame))",
        MergeError, "different encoders cannot be joined. Got ('", "bins=fitted.encoders_",
    ),
    Case("Merging fits of different columns",
         "im.PSI().fit(frame).merge(im.PSI().fit(frame[['age', 'income']]))",
         MergeError, "['bad', 'gaps', 'grade']", "same columns"),
    Case("Merging with what is no fit", "im.PSI().fit(frame).merge(3)",
         MergeError, "'int'", "the other part with PSI"),
    Case("Merging series with different pasts",
         "im.TransferEntropy(lag=1).fit(frame.bad, frame.grade)"
         ".merge(im.TransferEntropy(lag=2).fit(frame.bad, frame.grade))",
         MergeError, "different moments of the past", "same lag and histories"),
    # parameters
    Case("A misspelt parameter", "im.psi(frame, frame, exclud=['gaps'])",
         InvalidParameterError, "no parameter 'exclud'. Got ['gaps']", "exclude="),
    Case("Sorting by a column that is not there", "im.psi(frame, frame).sort('valu')",
         ColumnError, "'valu'", "'value'"),
    Case("bins=1", "im.psi(frame, frame, bins=1)", InvalidParameterError, "Got 1.", "bins=10"),
    Case("Edges out of order", "im.psi(frame.age, frame.age, bins=[40, 30])",
         InvalidParameterError, "[40.0, 30.0]", "bins=[30, 40]"),
    Case("level=95", "im.psi(frame, frame, level=95)",
         InvalidParameterError, "Got 95", "level=0.95"),
    Case("Unknown units", "im.entropy(frame.grade, units='bit')",
         InvalidParameterError, "'bit'", "units='nats'"),
    Case("order='x'", "im.alpha_divergence(frame.grade, frame.grade, order='x')",
         InvalidParameterError, "a number in [-100, 100]. Got 'x'", "order=2"),
    Case("A negative order of a Hill number", "im.hill_number(frame.grade, q=-1)",
         InvalidParameterError, "Got -1", "q=2"),
    Case("lag=0", "im.transfer_entropy(frame.bad, frame.bad, lag=0)",
         InvalidParameterError, "an integer in [1, inf). Got 0", "lag=1"),
    Case("An unknown bias", "im.mutual_information(frame.grade, frame.bad, bias='millermadow')",
         InvalidParameterError, "'miller_madow'", "bias='miller_madow'"),
    Case("A correction of entropies on a divergence",
         "im.kl_divergence(frame.grade, frame.grade, bias='miller_madow')",
         InvalidParameterError, "'zhang_grabchak'. Got 'miller_madow'", "bias='plug_in'"),
    Case("A correction of Shannon's entropy on Tsallis'",
         "im.tsallis_entropy(frame.grade, bias='chao_shen')",
         UnsupportedError, "derived for Shannon's entropy", "bias='unbiased'"),
    Case("An alphabet smaller than what was seen", "im.entropy(frame.grade, alphabet_size=2)",
         InvalidParameterError, "at least the number of symbols seen. Got 2", "alphabet_size=3"),
    Case("An unknown normalisation",
         "im.normalized_mutual_information(frame.grade, frame.bad, normalization='mean')",
         InvalidParameterError, "Got 'mean'", "normalization='arithmetic'"),
    Case("An unknown method", "im.psi(frame, frame, method='wald')",
         InvalidParameterError, "'wald'", "uncertainty='auto'"),
    Case("An unknown uncertainty", "im.PSI(uncertainty='wald').fit(frame)",
         InvalidParameterError, "'wald'", "uncertainty='auto'"),
    Case("Three samples to a divergence",
         "im.kl_divergence(im.Counts.from_counts([[1, 2], [3, 4], [5, 6]]))",
         DataError, "{'groups': 3}", "[sample, reference]"),
    Case("Three groups to a divergence",
         "im.infer(im.PSI()._functional(), im.Counts.from_counts([[1, 2], [3, 4], [5, 6]]))",
         UnsupportedError, "'groups': 3", "[reference, current]"),
    Case("The published formula on an entropy",
         "im.entropy(frame.grade, method=im.PaperIndependentShares())",
         UnsupportedError, "'entropy'", "uncertainty='auto'"),
    Case("The published formula on an entropy, by its name",
         "im.entropy(frame.grade, method='paper')",
         InvalidParameterError, "'paper'", "method='auto'"),
    Case("A bootstrap of weighted records",
         "im.entropy(frame.grade, sample_weight=np.full(40, 0.3), method='bootstrap')",
         UnsupportedError, "'weighted': True", "uncertainty='delta'"),
    # files
    Case("A file that is not a table", "im.psi('notes.pdf', 'loans.csv')",
         SourceError, "'.pdf'", "name it .csv"),
    Case("Text that is called a table", "im.psi('notes.txt', 'loans.csv')",
         DataError, "notes.txt: 0 sample(s)", "filter"),
    Case("Bytes that are called CSV", "im.psi('junk.csv', 'loans.csv')",
         SourceError, "junk.csv", "a CSV file with a header line"),
    Case("A file that is not there", "im.psi('loan.csv', 'loans.csv')",
         SourceError, "loan.csv", "loans.csv"),
    Case("An empty file", "im.psi('empty.csv', 'loans.csv')",
         SourceError, "0 bytes", "write the file again"),
    Case("A CSV file in another encoding", "im.psi('latin.csv', 'loans.csv')",
         SourceError, "not utf-8 encoded", "iconv -f latin1 -t utf-8 latin.csv"),
    Case("A CSV file with a name twice", "im.psi('twice.csv', 'loans.csv')",
         DataError, "Got ['age']", "rename"),
    Case("A text that is no result", "im.Result.from_json('psi = 0.1')",
         DataError, "Got 'psi = 0.1'", "result.to_json()"),
    Case("A truncated Parquet file", "im.psi('truncated.parquet', 'loans.csv')",
         SourceError, "truncated.parquet", "frame.to_parquet(path)"),
    Case("Text that is called Parquet", "im.psi('notes.parquet', 'loans.csv')",
         SourceError, "notes.parquet", "frame.to_parquet(path)"),
    Case(
        "A folder that is not there",
        "from infometric.report.document import Report\n"
        "Report('Drift', ()).to_html('absent/report.html')",
        OutputError, "absent/report.html cannot be written", "mkdir -p",
    ),
    Case(
        "A folder where the report should go",
        "from infometric.report.document import Report\n"
        "Report('Drift', ()).to_html('reports')",
        OutputError, "reports is a folder", "choose a file",
    ),
    Case(
        "A report that is no report",
        "from infometric.report.document import Report\nReport.from_json('notes.txt')",
        SourceError, "notes.txt", "--json report.json",
    ),
)  # fmt: skip


_REPORT = "from infometric.report.document import Report\n"
CASES += (
    # bins chosen with the target
    Case(
        "A trend of event rates that is none",
        "im.OptimalBinning(monotonic='up').fit(frame[['age']], frame.bad)",
        InvalidParameterError,
        "'up'",
        "monotonic='auto'",
    ),
    Case(
        "A test of bins on the rows that chose them",
        "im.InformationValue(bins=im.OptimalBinning().fit(frame[['age']], frame.bad))"
        ".fit(frame[['age']], frame.bad).test()",
        UnsupportedError,
        "up to 95 of 100",
        "cross-fitted",
    ),
    Case(
        "More folds than events",
        "im.information_value(frame[['age']], frame.index == 3, bins=im.OptimalBinning())",
        DataError,
        "'True': 1",
        "folds=2",
    ),
    Case(
        "Months of the rows that chose the bins",
        "im.information_value(frame, 'bad', bins=im.OptimalBinning(columns=['age']), by='grade',"
        " columns=['age'])",
        UnsupportedError,
        "'grade'",
        "by='grade'",
    ),
    Case(
        "Stumps of all columns jointly in folds",
        "im.information_value(frame[['age']], frame.bad, bins=im.StumpBinning(joint=True))",
        UnsupportedError,
        "jointly",
        "joint=False",
    ),
    Case(
        "Bins that are no file of bins",
        "im.OptimalBinning.from_json('loans.csv')",
        SourceError,
        "cannot be read as JSON",
        "to_json",
    ),
    Case(
        "A binning table of a column that was not binned",
        "im.OptimalBinning().fit(frame[['age']], frame.bad).table('agee')",
        ColumnError,
        "'agee'",
        "'age'",
    ),
    Case(
        "A transform to nothing known",
        "im.OptimalBinning().fit(frame[['age']], frame.bad).transform(frame[['age']], 'odds')",
        InvalidParameterError,
        "'odds'",
        "'woe'",
    ),
)

_CARD = "im.Scorecard(binning=im.WeightOfEvidence(bins=3), ridge=1.0, unseen='raise')"
CASES += (
    # scorecards and measures of a score
    Case(
        "A column that knows the target",
        "im.Scorecard(leakage='raise').fit(longer[['x']], longer.x > 3)",
        DataError,
        "one class of the target only: x: '(-inf, 4)' (",
        "exclude=['x']",
    ),
    Case(
        "An unseen category where a scorecard has no points for it",
        _CARD + ".fit(frame[['grade', 'age']], frame.bad).scores(frame.assign(grade='z'))",
        DataError,
        "'z' (40x)",
        "unseen='neutral'",
    ),
    Case(
        "Columns that say the same",
        "im.Scorecard(binning=im.WeightOfEvidence(bins=3)).fit("
        "frame[['age']].assign(again=frame.age * 2), frame.bad)",
        DataError,
        "linearly dependent: their coefficients are not determined. Got 'age', 'again'",
        "exclude=['again']",
    ),
    Case(
        "Columns that separate the classes",
        "im.Scorecard(binning=im.WeightOfEvidence(bins=3), leakage='ignore').fit("
        "frame[['age']].assign(sent=frame.bad), frame.bad)",
        DataError,
        "separate the classes",
        "ridge=1.0",
    ),
    Case(
        "Infinite values at scoring",
        "im.Scorecard(binning=im.WeightOfEvidence(bins=3)).fit(frame[['age']], frame.bad)"
        ".scores(frame.assign(age=np.inf))",
        DataError,
        "'age' holds 40 infinite",
        "NaN (the missing cell)",
    ),
    Case(
        "A scorecard for another engine",
        "im.Scorecard(binning=im.WeightOfEvidence(bins=3)).fit(frame[['age']], frame.bad)"
        ".to_sql('loans', dialect='oracle')",
        UnsupportedError,
        "Got 'oracle'",
        "dialect='duckdb'",
    ),
    Case(
        "A scorecard from another file",
        "im.Scorecard.from_json('pieces.json')",
        DataError,
        "not a scorecard of schema version 1",
        "card.to_json",
    ),
    Case(
        "A scorecard from anything else",
        "im.Scorecard.from_dict(None)",
        DataError,
        "not a scorecard of schema version 1. Got None",
        "card.to_json",
    ),
    Case(
        "Two texts of which neither names the event",
        "im.Scorecard().fit(frame[['age']], frame.bad.map({0: 'paid', 1: 'arrears'}))",
        DataError,
        "two texts, and which of them is the event",
        "event='arrears'",
    ),
    Case(
        "Points without bound",
        "im.Scorecard(pdo=np.inf).fit(frame[['age']], frame.bad)",
        InvalidParameterError,
        "'pdo' parameter of Scorecard must be a number in (0, 1e+09]. Got inf",
        "pdo=20",
    ),
    Case(
        "One name to select",
        "im.Scorecard(select='age').fit(frame[['age']], frame.bad)",
        InvalidParameterError,
        "Got 'age'",
        "select=['age']",
    ),
    Case(
        "More evidence than any characteristic has",
        _CARD.replace("ridge", "min_iv=100, ridge") + ".fit(frame[['age']], frame.bad)",
        DataError,
        "at least 100 nats",
        "min_iv=0.02",
    ),
    Case(
        "Bins for a scorecard that are no encoders",
        "im.Scorecard(binning={'age': 5}).fit(frame[['age']], frame.bad)",
        InvalidParameterError,
        "{'age': 5}",
        "fitted.encoders_",
    ),
    Case(
        "One record in place of a table",
        _CARD + ".fit(frame[['grade', 'age']], frame.bad).scores(frame.iloc[0])",
        DataError,
        "One record was given",
        "X.iloc[[0]]",
    ),
    Case(
        "Texts of reasons without their characteristics",
        _CARD + ".fit(frame[['grade', 'age']], frame.bad).reasons(frame, texts=['Too young'])",
        InvalidParameterError,
        "'texts'",
        "texts={'amount'",
    ),
    Case(
        "One name to keep beside a score",
        _CARD + ".fit(frame[['grade', 'age']], frame.bad).to_sql('loans', keep='ID')",
        InvalidParameterError,
        "'keep' parameter of to_sql",
        "keep=['ID']",
    ),
    Case(
        "A query from nowhere",
        _CARD + ".fit(frame[['grade', 'age']], frame.bad).to_sql('')",
        InvalidParameterError,
        "'source' parameter of to_sql",
        "card.to_sql('applicants')",
    ),
    Case(
        "Names that differ in nothing but case, in SQL",
        _CARD + ".fit(frame[['grade', 'age']], frame.bad).to_sql('loans', keep=['AGE'])",
        DataError,
        "['age', 'AGE']",
        "rename",
    ),
    Case(
        "A score with missing values",
        "im.auc(frame.bad, frame.gaps)",
        DataError,
        "'gaps' has 1 missing",
        "leave those rows out",
    ),
    Case(
        "Probabilities that are none",
        "im.brier_score(frame.bad, frame.age)",
        DataError,
        "40 of the probabilities are outside zero and one",
        "predict_proba",
    ),
    Case(
        "Probabilities of zero and one, calibrated",
        "im.calibration(frame.bad, frame.bad)",
        DataError,
        "have no log odds. Got 0.0",
        "np.clip",
    ),
    Case(
        "A file to compare encodings on",
        "im.compare_encodings('loans.csv', 'bad')",
        DataError,
        "A file is not divided",
        "'test.parquet'",
    ),
)

REPRESENTATIONS = (
    Case(
        "A representation of two rows",
        "im.diffusion_spectral_entropy(frame[['age']][:2])",
        DataError,
        "n_samples=2",
        "more rows",
    ),
    Case(
        "Missing values in a representation",
        "im.diffusion_spectral_entropy(frame[['gaps']].to_numpy(float))",
        DataError,
        "1 row(s), which are no places",
        "np.isfinite(X)",
    ),
    Case(
        "Missing values in a frame of a representation",
        "im.diffusion_spectral_entropy(frame[['age', 'gaps']])",
        DataError,
        "1 row(s), which are no places",
        "keep = np.isfinite(X['gaps']), then X[keep]",
    ),
    Case(
        "Missing values in the file of a representation",
        "im.diffusion_spectral_entropy('gaps.csv')",
        DataError,
        "1 row(s), which are no places",
        "leave out the rows where gaps is missing",
    ),
    Case(
        "Masked values in a representation",
        "im.diffusion_spectral_entropy(np.ma.masked_less(frame[['age', 'income']].to_numpy(), 25))",
        DataError,
        "which are no places",
        "np.ma.filled(X, np.nan)",
    ),
    Case(
        "Missing values in half precision",
        "im.diffusion_spectral_entropy(frame[['gaps']].to_numpy(np.float16))",
        DataError,
        "1 row(s), which are no places",
        "np.isfinite(X)",
    ),
    Case(
        "Missing labels in an array",
        "im.diffusion_spectral_mi(frame[['age']], frame.gaps.to_numpy())",
        DataError,
        "missing values, which are no class",
        "keep = pd.notna(y), then X[keep], y[keep]",
    ),
    Case(
        "Missing labels in a column",
        "im.diffusion_spectral_mi(frame[['age', 'gaps']], 'gaps')",
        DataError,
        "missing values, which are no class",
        "frame['gaps'].fillna('missing')",
    ),
    Case(
        "A bandwidth of zero",
        "im.diffusion_spectral_entropy(frame[['age']], sigma=0)",
        InvalidParameterError,
        "Got 0",
        "sigma='median'",
    ),
    Case(
        "Images that are not flattened",
        "im.diffusion_spectral_entropy(np.zeros((9, 8, 8)))",
        DataError,
        "(9, 8, 8)",
        "reshape(len(X), -1)",
    ),
    Case(
        "Text in a representation",
        "im.diffusion_spectral_entropy(frame[['age', 'grade']])",
        DataError,
        "'grade' holds text",
        "leave the column out",
    ),
    Case(
        "Text beside a representation and its target",
        "im.diffusion_spectral_mi(frame[['age', 'grade']], frame.bad)",
        DataError,
        "'grade' holds text",
        "fit(frame, 'grade')",
    ),
    Case(
        "A class for each row",
        "im.diffusion_spectral_mi(frame[['age']], frame.income.astype(str))",
        DataError,
        "a class of its own",
        "y.astype(float)",
    ),
    Case(
        "A label that is no column",
        "im.diffusion_spectral_mi(frame[['age', 'bad']], 'bd')",
        ColumnError,
        "'bd'",
        "'bad'",
    ),
    Case(
        "Labels of other rows",
        "im.diffusion_spectral_mi(frame[['age']], frame.bad[:30])",
        DataError,
        "[40, 30]",
        "pair the rows",
    ),
    Case(
        "A walk on negative similarities",
        "im.diffusion_spectral_entropy(frame[['age']] - 45, kernel=lambda x, y: x @ y.T)",
        DataError,
        "not negative",
        "MatrixEntropy",
    ),
    Case(
        "Parts of the rows of a spectrum",
        "im.diffusion_spectral_entropy(frame[['age']], method='subsampling')",
        UnsupportedError,
        "grows with the number of rows, and a part has fewer.",
        "method='jackknife'",
    ),
    Case(
        "Copies of the rows of a spectrum",
        "im.diffusion_spectral_entropy(frame[['age']], method='bootstrap')",
        UnsupportedError,
        "a copied row adds no place",
        "method='jackknife'",
    ),
    Case(
        "A file that is no array",
        "im.diffusion_spectral_entropy('notes.npy')",
        SourceError,
        "notes.npy holds no array",
        "np.save(",
    ),
    Case(
        "A file of several arrays",
        "im.diffusion_spectral_entropy('layers.npz')",
        SourceError,
        "holds several arrays",
        "layers.npz:conv or layers.npz:dense",
    ),
    Case(
        "An array that is not in its file",
        "im.diffusion_spectral_entropy('layers.npz:dence')",
        SourceError,
        "no array 'dence'",
        "layers.npz:dense",
    ),
    Case(
        "A file of no array",
        "im.diffusion_spectral_entropy('nothing.npz')",
        SourceError,
        "nothing.npz holds no array",
        "np.savez(",
    ),
    Case(
        "A file of objects",
        "im.diffusion_spectral_entropy('objects.npz')",
        SourceError,
        "objects of Python, which are not unpickled",
        "dtype=np.float32",
    ),
    Case(
        "An array cut short",
        "im.diffusion_spectral_entropy('truncated.npy')",
        SourceError,
        "it ends before the array does",
        "np.save(",
    ),
    Case(
        "An archive cut short",
        "im.diffusion_spectral_entropy('truncated.npz')",
        SourceError,
        "it ends before the array does",
        "np.save(",
    ),
    Case(
        "A pattern of arrays",
        "im.diffusion_spectral_entropy('*.npy')",
        SourceError,
        "*.npy is a pattern",
        "np.concatenate(",
    ),
    Case(
        "Values beyond their squares",
        "im.diffusion_spectral_entropy(frame[['age']] * 1e200)",
        DataError,
        "e+201",
        "abs(X).max()",
    ),
    Case(
        "An order of ranks, of too many rows",
        "im.diffusion_spectral_entropy(frame[['age']], order=0, solver='lanczos')",
        InvalidParameterError,
        "Got 0.0",
        "exact",
    ),
)
CASES = (*CASES, *REPRESENTATIONS)

NEURAL = (
    Case(
        "No second variable",
        "im.NeuralMI().fit(frame[['age']])",
        DataError,
        "y is None",
        "fit(X, y)",
    ),
    Case(
        "Two variables of unlike length",
        "im.NeuralMI().fit(np.ones((40, 2)), np.ones(39))",
        DataError,
        "'rows of y': 39",
        "fit(X[:n], y[:n])",
    ),
    Case(
        "NaN in an array, which a critic cannot read",
        "x = np.random.default_rng(0).normal(size=(40, 2)); x[7, 1] = np.nan\n"
        "im.NeuralMI().fit(x, x[:, 0])",
        DataError,
        "1 of 40 rows. Got {'place': [7, 1]",
        "np.isfinite(X)",
    ),
    Case(
        "Missing values in a frame, which a critic cannot read",
        "im.NeuralMI().fit(frame[['gaps']], frame.age)",
        DataError,
        "'row': 0",
        "frame['gaps'].notna()",
    ),
    Case(
        "Text that is no class",
        "im.NeuralMI().fit(pd.DataFrame({'id': [f'loan {i}' for i in range(40)]}), frame.age)",
        DataError,
        "40 distinct values are no classes",
        "leave it out",
    ),
    Case(
        "A mistyped target of a critic",
        "im.NeuralMI().fit(frame, 'grad')",
        ColumnError,
        "'grad'",
        "use 'grade'",
    ),
    Case(
        "Too few rows for a critic",
        "im.NeuralMI().fit(np.ones((9, 2)), np.ones(9))",
        DataError,
        "it needs 10 or more",
        "mutual_information(x, y)",
    ),
    Case(
        "Extrapolation that does not begin with all rows",
        "im.ReliableMI(gammas=(2, 4)).fit(frame[['age']], frame.income)",
        InvalidParameterError,
        "Got (2, 4)",
        "gammas=(1, 2, 4)",
    ),
    Case(
        "Too few rows to extrapolate",
        "im.ReliableMI().fit(frame[['age']][:20], frame.income[:20])",
        DataError,
        "they need 5 or more",
        "NeuralMI().fit(x, y)",
    ),
    Case(
        "A batch of more rows than there are",
        "im.NeuralMI(batch_size=64).fit(frame[['age', 'income']], frame.bad)",
        DataError,
        "{'batch_size': 64, 'training_rows': 20}",
        "batch_size='auto'",
    ),
    Case(
        "Images without an encoder",
        "im.NeuralMI().fit(np.ones((40, 1, 8, 8)), frame.bad)",
        DataError,
        "(40, 1, 8, 8)",
        "encoder_x=",
    ),
    Case(
        "Weights of rows for a critic",
        "im.NeuralMI().fit(frame[['age']], frame.bad, sample_weight=np.ones(40))",
        UnsupportedError,
        "no weighted form",
        "leave sample_weight out",
    ),
    Case(
        "A mistyped bound",
        "im.NeuralMI(bound='infonc').fit(frame[['age']], frame.bad)",
        InvalidParameterError,
        "Got 'infonc'",
        "bound='infonce'",
    ),
    Case(
        "A bound of densities with a critic of scores",
        "im.NeuralMI(bound='club', critic='concat').fit(frame[['age']], frame.income)",
        UnsupportedError,
        "needs log densities",
        "critic='gaussian'",
    ),
    Case(
        "A critic that scores too little",
        "import torch\n"
        "class Critic(torch.nn.Linear):\n"
        "    def forward(self, x, y):\n"
        "        return super().forward(torch.cat([x, y], dim=1))\n"
        "x, y = np.random.default_rng(0).normal(size=(2, 40, 2))\n"
        "im.NeuralMI(critic=Critic(4, 1)).fit(x, y)",
        InvalidParameterError,
        "cannot score 3 rows of x against 2 of y",
        "(len(x), len(y))",
    ),
    Case(
        "A critic of one score for each row",
        "import torch\n"
        "class Critic(torch.nn.Linear):\n"
        "    def forward(self, x, y):\n"
        "        return super().forward(x)\n"
        "x, y = np.random.default_rng(0).normal(size=(2, 40, 2))\n"
        "im.NeuralMI(critic=Critic(2, 1)).fit(x, y)",
        InvalidParameterError,
        "'scores': (3, 1)",
        "return g(x) @ h(y).T",
    ),
    Case(
        "A critic without gradients",
        "import torch\n"
        "class Critic(torch.nn.Linear):\n"
        "    def forward(self, x, y):\n"
        "        return (super().forward(x) @ y.T).detach()\n"
        "x, y = np.random.default_rng(0).normal(size=(2, 40, 2))\n"
        "im.NeuralMI(critic=Critic(2, 2)).fit(x, y)",
        InvalidParameterError,
        "No gradient flows",
        "without detach()",
    ),
    Case(
        "A critic that gives NaN",
        "import torch\n"
        "class Critic(torch.nn.Linear):\n"
        "    def forward(self, x, y):\n"
        "        return torch.log(-super().forward(x) ** 2) @ y.T\n"
        "x, y = np.random.default_rng(0).normal(size=(2, 40, 2))\n"
        "im.NeuralMI(critic=Critic(2, 2), random_state=0).fit(x, y)",
        DataError,
        "not finite",
        "learning_rate",
    ),
    Case(
        "An encoder of other rows",
        "import torch\n"
        "im.NeuralMI(encoder_x=torch.nn.Conv2d(3, 4, 3)).fit(np.ones((40, 1, 8, 8)), frame.bad)",
        InvalidParameterError,
        "{'shape': (20, 1, 8, 8)}",
        "an encoder of batches",
    ),
    Case(
        "A device that is not there",
        "im.NeuralMI(device='gpu').fit(frame[['age']], frame.income)",
        UnsupportedError,
        "Got 'gpu'",
        "device='auto'",
    ),
    Case(
        "New rows of another width for a critic",
        "im.NeuralMI.load('critics').estimate(np.ones((20, 3)), np.ones(20))",
        DataError,
        "X has 3 features, but NeuralMI is expecting 2",
        "seen in fit",
    ),
    Case(
        "A single row to score",
        "im.NeuralMI.load('critics').estimate(np.ones((1, 2)), np.ones(1))",
        DataError,
        "nothing to be compared with. Got {'rows': 1}",
        "more rows",
    ),
    Case(
        "Critics that were never saved",
        "im.NeuralMI.load('nowhere')",
        SourceError,
        "No such file",
        ".save(folder)",
    ),
    Case(
        "Critics whose weights were changed",
        "im.NeuralMI.load('changed')",
        DataError,
        "weights do not match their checksum",
        ".save(folder)",
    ),
    Case(
        "Critics of another version",
        "im.NeuralMI.load('later')",
        DataError,
        "schema version 1. Got ('infometric-neural', 2)",
        ".save(folder)",
    ),
    Case(
        "A saved critic of your own, without its code",
        "im.NeuralMI.load('own')",
        InvalidParameterError,
        "Got 'Bilinear'",
        "critic=Bilinear(...)",
    ),
    Case(
        "Critics saved where nothing can be",
        "im.NeuralMI.load('critics').save('no/such/folder')",
        OutputError,
        "cannot be written",
        "mkdir -p no/such",
    ),
)
CASES = (*CASES, *NEURAL)

MEMBERSHIP = (
    Case(
        "A log-probability that is a probability",
        "im.TokenScores.from_lists(ids=[[5, 7]], logprob=[[-1.2, 0.8]])",
        DataError,
        "logprob of text 0, token 1, must be a natural logarithm",
        "np.log(probability)",
    ),
    Case(
        "A first token without a log-probability",
        "im.TokenScores.from_lists(logprob=[[None, -0.3, -2.1]])",
        DataError,
        "A value of logprob of text 0 is missing",
        "from_prompt_logprobs",
    ),
    Case(
        "Frequencies of another tokenizer",
        "tokens = im.TokenScores.from_lists(ids=[[5]], logprob=[[-1.2]], tokenizer='gpt2')\n"
        "im.DCPDD(im.TokenFrequency.uniform(32_000, tokenizer='llama')).fit(tokens)",
        MergeError,
        "of another tokenizer: their numbers mean other tokens",
        "tokenised as the scored texts are",
    ),
    Case(
        "A score that needs what the model was not asked",
        "im.MinK(normalise=True).fit([[-1.2, -0.3]])",
        DataError,
        "MinKPlusPlus needs mu",
        "MinK() or LossScore()",
    ),
    Case(
        "Divergence without a reference corpus",
        "im.membership_scores([[-1.2, -0.3]])",
        InvalidParameterError,
        "the frequency of each token in a reference corpus",
        "TokenFrequency.uniform(vocabulary_size)",
    ),
    Case(
        "Fewer false positives than a calibration can show",
        "known = -np.random.default_rng(0).exponential(2, (50, 20))\n"
        "im.LossScore().fit(known).estimate(known).decision(fpr=0.001)",
        InvalidParameterError,
        "50 calibration texts cannot show a false positive rate of 0.001",
        "999 calibration texts",
    ),
    Case(
        "An evaluation without non-members",
        "im.llm.evaluate([0.2, 0.7], [1, 1])",
        DataError,
        "needs members and non-members",
        "fit(non_members)",
    ),
    Case(
        "One text for the check without a model",
        "im.llm.audit_split(['a text'], ['another'])",
        DataError,
        "Set a has 1 text(s), too few for 5 folds",
        "10 texts or more",
    ),
)
CASES = (*CASES, *MEMBERSHIP)

AMORTISED = (
    Case(
        "Too few rows for a network trained on more",
        "im.mist(frame[['age', 'income']][:9], frame.income[:9])",
        DataError,
        "n_samples=9",
        "more rows",
    ),
    Case(
        "More columns than a network was trained on",
        "x = np.random.default_rng(0).normal(size=(40, 40))\nim.mist(x, frame.income)",
        DataError,
        "x has 40 columns; the network was trained on 32 at most",
        "PCA(32)",
    ),
    Case(
        "Values without a rank",
        "im.mist(frame[['gaps']], frame.income)",
        DataError,
        "which have no rank. Got {'row': 0",
        "np.isfinite(frame['gaps'])",
    ),
    Case(
        "Classes for a network of numbers",
        "im.mist(frame[['grade']], frame.income)",
        DataError,
        "'grade' holds text",
        "mutual_information(x, y)",
    ),
    Case(
        "Weights of rows for a network",
        "im.MIST().fit(frame[['age']], frame.income, sample_weight=np.ones(40))",
        UnsupportedError,
        "rows that count alike",
        "leave sample_weight out",
    ),
    Case(
        "A level that was not learned",
        "im.mist(frame[['age']], frame.income, level=0.999)",
        InvalidParameterError,
        "levels from 0.5 to 0.99. Got 0.999",
        "level=0.99",
    ),
    Case(
        "A quantile that was not learned",
        "im.MIST().fit(frame[['age']], frame.income).quantile(0.001)",
        InvalidParameterError,
        "levels from 0.01 to 0.99. Got 0.001",
        "quantile([0.05, 0.5, 0.95])",
    ),
    Case(
        "Another column than in fit, for a network",
        "im.MIST().fit(frame[['age']], frame.income).estimate(frame[['age', 'bad']], frame.income)",
        DataError,
        "X has 2 features, but MIST is expecting 1",
        "seen in fit",
    ),
    Case(
        "A pair of one variable",
        "im.MIST().estimate_pairs([(frame.age, frame.income), frame.age])",
        DataError,
        "Pair 1: two variables are wanted",
        "estimate_pairs([(x, y), (x, z)])",
    ),
    Case(
        "Weights of a network that are not there",
        "im.mist(frame[['age']], frame.income, weights='nowhere')",
        SourceError,
        "no such folder",
        "MIST.train(...).save(folder)",
    ),
    Case(
        "Weights of a network that were changed",
        "im.mist(frame[['age']], frame.income, weights='spoilt weights')",
        DataError,
        "do not match their checksum",
        "MIST.train(...).save(folder)",
    ),
    Case(
        "Learned quantiles where nothing was learned",
        "im.mutual_information(frame.age * 1.5, frame.income, method='learned')",
        UnsupportedError,
        "it belongs to MIST",
        "auto",
    ),
    Case(
        "A generator that is none",
        "im.MIST.train('normal')",
        InvalidParameterError,
        "Got 'normal'",
        "def generator(batch, n, dx, dy, rng)",
    ),
)
CASES = (*CASES, *AMORTISED)

CORNERS = (
    # data
    Case("Lists in a column", "im.entropy(pd.Series([[1]] * 40))", DataError, "[1]", "astype(str)"),
    Case("Minus infinity", "im.psi(frame.assign(income=-np.inf), frame)",
         DataError, "Got -inf", "special="),
    Case("A target and nothing else", "im.information_value(frame[['bad']], 'bad')",
         DataError, "'bad'", "column"),
    Case(
        "Other columns in mutual information",
        "im.MutualInformation(bins=3).fit(frame[['age']], frame.bad)"
        ".partial_fit(frame[['income']], frame.bad)",
        ColumnError, "'age'", "['income']",
    ),
    Case(
        "More columns in mutual information",
        "im.MutualInformation(bins=3).fit(frame[['age']].to_numpy(), frame.bad)"
        ".partial_fit(frame[['age', 'income']].to_numpy(), frame.bad)",
        DataError, "{'columns': 2}", "1 column(s)",
    ),
    Case("Counts against a sample", "im.kl_divergence(im.Counts.from_counts([1, 2]), frame.grade)",
         DataError, "'grade'", "Counts"),
    Case("A covariance of no column",
         "im.WeightOfEvidence().fit(frame[['age']], frame.bad).covariance('agee')",
         ColumnError, "'agee'", "'age'"),
    # counts and weights
    Case("One weight vector for two samples",
         "im.kl_divergence(frame.grade, frame.grade, sample_weight=np.ones(40))",
         DataError, "(40,)", "sample_weight=("),
    Case("Weights from a column of text", "im.PSI().fit(frame, sample_weight='grade')",
         DataError, "'grade'", "sample_weight"),
    Case("Weights from a column of text in a file",
         "im.PSI().fit('loans.csv', sample_weight='grade')",
         DataError, "'grade'", "sample_weight"),
    Case("Squares of another shape", "im.Counts.from_counts([1, 2], squares=[1])",
         DataError, "(1,)", "squares"),
    Case("Labels of other cells", "im.Counts.from_counts([1, 2], cells=['a'])",
         DataError, "['a']", "cells="),
    Case("Counts in pieces", "im.Counts.from_dict({'state': 'counts', 'schema_version': 1})",
         DataError, "schema_version", "counts.to_dict()"),
    Case("Scores of text", "im.Scores.from_values(['a'])",
         DataError, "['a']", "Scores.from_values("),
    Case("Counts that are all zero", "im.Counts.from_counts([[0, 0], [0, 0]], joint=True)",
         DataError, "'empty groups': [0]", "leave the empty rows"),
    Case("Counts to a divergence that was fitted on a sample",
         "im.KLDivergence().fit(frame.grade).estimate(im.Counts.from_counts([3, 1, 2]))",
         DataError, "Counts have no columns. Got (3,)", "fit(reference_counts)"),
    Case("Weights where records are counted",
         "im.kl_divergence(frame.grade, frame.grade, bias='zhang_grabchak', "
         "sample_weight=(np.arange(1, 41), np.ones(40)))",
         UnsupportedError, "whole, unweighted counts", "bias='second_order'"),
    Case("A permutation of weighted records",
         "im.mutual_information(frame.grade, frame.bad, method='permutation', "
         "sample_weight=np.arange(1, 41))",
         UnsupportedError, "'weighted': True", "test(method='chi2')"),
    Case("Probabilities that were rounded", "im.entropy(im.Counts.from_counts([.333, .333, .333]))",
         DataError, "'sums': [0.999", "p / p.sum()"),
    Case("A level beyond all levels", "im.entropy(frame.grade, level=1 - 1e-16)",
         InvalidParameterError, "1e-09", "level=0.999"),
    Case("A list of units", "im.mutual_information_matrix(frame[['grade', 'bad']], units=[])",
         InvalidParameterError, "Got []", "units='nats'"),
    Case("A number of columns", "im.mutual_information_matrix(frame, columns=5)",
         InvalidParameterError, "Got 5", "columns="),
    Case("Exact bounds of even shares", "im.entropy(frame.grade, method='clopper_pearson')",
         UnsupportedError, "'outside of the largest': 26", "uncertainty='auto'"),
    Case("Counts without an array", "im.Counts([3, 4])",
         DataError, "[3, 4]", "Counts.from_counts("),
    Case("Counts of one axis", "im.Counts(np.array([3, 4]))",
         DataError, "groups x cells", "Counts.from_counts("),
    Case("Nothing to stack", "im.Counts.stack([])", DataError, "Got []", "Counts.stack(["),
    Case("Counts from nothing", "im.Counts.from_dict(None)", DataError, "Got None", "to_dict()"),
    Case("Negative counts in a dictionary",
         "im.Counts.from_dict(im.Counts.from_counts([3, 4]).to_dict() | {'table': [[-1, 4]]})",
         DataError, "[-1]", "counts"),
    Case("Counts of another shape in a dictionary",
         "im.Counts.from_dict(im.Counts.from_counts([3, 4]).to_dict() | {'shape': [3]})",
         DataError, "'shape': (3,)", "to_dict()"),
    Case("A second variable beside counts",
         "im.mutual_information(im.Counts.from_counts([[3, 4], [5, 6]], joint=True), frame.bad)",
         DataError, "takes no 'y'", "leave it out"),
    Case("A condition beside counts",
         "im.conditional_mutual_information("
         "im.Counts.from_counts(np.ones((2, 2, 2), int), joint=True), z=frame.bad)",
         DataError, "takes no 'z'", "leave it out"),
    Case("Bins of counts", "im.entropy(im.Counts.from_counts([3, 4]), bins=5)",
         DataError, "takes no 'bins'", "leave it out"),
    Case("Weights of counts",
         "im.kl_divergence(im.Counts.from_counts([3, 4]), im.Counts.from_counts([5, 6]), "
         "sample_weight=([1, 2], [1, 2]))",
         DataError, "takes no 'sample_weight'", "leave it out"),
    Case("Weights that are whole, where records are counted",
         "im.entropy(frame.grade, bias='chao_shen', sample_weight=np.resize([1, 2], 40))",
         UnsupportedError, "{'weights': 'unequal'}", "bias='miller_madow'"),
    Case("Text against numbers", "im.kl_divergence(frame.grade, frame.bad)",
         DataError, "text in the first sample", "astype(str)"),
    # parameters
    Case("A seed of text", "im.entropy(frame.grade, rng='x')",
         InvalidParameterError, "'x'", "rng=0"),
    Case("A negative seed",
         "im.mutual_information(frame.grade, frame.bad, method='permutation', rng=-1)",
         InvalidParameterError, "Got -1", "rng=0"),
    Case("Bins of no column in the entropy", "im.entropy(frame[['age']], bins={'agee': 5})",
         ColumnError, "'agee'", "'age'"),
    Case("Bins of no variable", "im.mutual_information(frame.age, frame.bad, bins={'agee': 5})",
         ColumnError, "'agee'", "'age'"),
    Case("No condition", "im.conditional_mutual_information(frame.grade, frame.bad)",
         DataError, "z is None", "mutual_information(x, y)"),
    Case("A column named twice",
         "im.mutual_information_matrix(frame, columns=['grade', 'bad', 'bad'])",
         DataError, "['bad']", "once"),
    Case("A text for columns", "im.mutual_information_matrix(frame, columns='grade')",
         InvalidParameterError, "'grade'", "columns=['grade']"),
    Case("Progress to nobody",
         "im.mutual_information_matrix(frame[['grade', 'bad']], progress='bar')",
         InvalidParameterError, "'bar'", "progress=True"),
    Case("The strongest x pairs",
         "im.mutual_information_matrix(frame[['grade', 'bad']]).top('x')",
         InvalidParameterError, "'x'", "top(10)"),
    Case("ANSB of a table",
         "im.mutual_information(frame.grade, frame.bad, bias='ansb')",
         InvalidParameterError, "'ansb'", "bias='nsb'"),
    Case("An order that is missing", "im.alpha_divergence(frame.grade, frame.grade, np.nan)",
         InvalidParameterError, "Got nan", "order=2"),
    Case("A past of half a step",
         "im.transfer_entropy(frame.bad, frame.bad, source_history=1.5)",
         InvalidParameterError, "Got 1.5", "source_history=1"),
    Case("A past with too many cells",
         "im.transfer_entropy(frame.bad, frame.bad, source_history=30)",
         DataError, "too many cells", "fewer columns"),
    Case("A weight of zero", "im.jensen_shannon_distance(frame.grade, frame.grade, weight=0)",
         InvalidParameterError, "Got 0", "weight=0.5"),
    Case("Bins of a column that is not there", "im.psi(frame, frame, bins={'agee': 5})",
         ColumnError, "'agee'", "'age'"),
    Case("A single bin for one column", "im.psi(frame, frame, bins={'age': 1})",
         InvalidParameterError, "Got 1", "bins="),
    Case("Categories for no column", "im.psi(frame, frame, categorical=['agee'])",
         ColumnError, "'agee'", "'age'"),
    Case("Edges of text", "im.IntervalEncoder(('a',))", InvalidParameterError, "'a'", "bins="),
    Case("A special code of text", "im.psi(frame, frame, special=['x'])",
         InvalidParameterError, "'x'", "special=[-1, 999]"),
    Case("One threshold", "im.PSI(thresholds=(0.1,)).fit(frame)",
         InvalidParameterError, "(0.1,)", "thresholds=(0.1, 0.25)"),
    Case("Thresholds out of order", "im.PSI(thresholds=(0.25, 0.1)).fit(frame)",
         InvalidParameterError, "(0.25, 0.1)", "thresholds=(0.1, 0.25)"),
    Case("An infinite order", "im.renyi_divergence(frame.grade, frame.grade, float('inf'))",
         InvalidParameterError, "Got inf", "order=2"),
    Case("A weight of one", "im.jensen_shannon_divergence(frame.grade, frame.grade, weight=1)",
         InvalidParameterError, "Got 1", "weight=0.5"),
    Case("A bootstrap without replicates",
         "im.entropy(frame.grade, method=im.Bootstrap(n_resamples=0))",
         InvalidParameterError, "Got 0", "n_resamples="),
    Case("A permutation test with half a table",
         "im.psi(frame.age, frame.age, method=im.Permutation(n_resamples=2.5))",
         InvalidParameterError, "Got 2.5", "n_resamples="),
    Case("A negative drift", "im.psi_power(-1, 100, 100)",
         InvalidParameterError, "Got -1", "psi=0.1"),
    Case("A level that is no percentage", "im.psi(frame, frame, level=2)",
         InvalidParameterError, "Got 2", "level=0.95"),
    Case("A level of text", "im.psi(frame, frame, level='0.95')",
         InvalidParameterError, "'0.95'", "level=0.95"),
    # files
    Case("A folder named as a file", "im.psi('archive.csv', 'loans.csv')",
         SourceError, "archive.csv", "archive.csv/"),
    Case("A CSV file whose rows differ in length", "im.psi('ragged.csv', 'loans.csv')",
         SourceError, "ragged.csv", "CSV"),
    Case("Names that differ in case alone", "im.psi('case.csv', 'loans.csv')",
         SourceError, "['age', 'AGE']", "rename"),
    Case("Numbers where truth values were",
         "im.PSI().fit(pd.Series([1.5, 2.5, 3.5])).estimate(pd.Series([True, False, True]))",
         DataError, "holds truth values", "astype(float)"),
    Case("Durations", "im.psi(frame.assign(age=pd.Timedelta('1h')), frame)",
         DataError, "durations", "exclude=['age']"),
    Case("A list that is no result", "im.ResultTable.from_json('[1]')",
         DataError, "Got [1]", "to_json()"),
    Case("A result in pieces", "im.Result.from_dict({'schema_version': 1, 'value': 0.1})",
         DataError, "in pieces", "to_json()"),
    Case("A variable with too many cells",
         "im.mutual_information(np.arange(4000) % 3500, np.arange(4000) % 3499, "
         "estimator='counts')",
         DataError, "'3502 x 3501'", "bins=10"),
    Case("A covariance of too many cells",
         "im.WeightOfEvidence(categorical=True).fit(np.arange(6000)[:, None], [0, 1] * 3000)"
         ".covariance('x0')",
         DataError, "Got 6002", "se_['x0']"),
    Case("No columns left", "im.psi(frame[['age']], frame, exclude=['age'])",
         DataError, "There is no characteristic", "one more column"),
    Case("Weights of one sample", "im.psi(frame, frame, sample_weight=np.ones(40))",
         DataError, "(40,)", "sample_weight=(weights_first, weights_second)"),
    Case("A truncated gzip file", "im.psi('truncated.csv.gz', 'loans.csv')",
         SourceError, "truncated.csv.gz", "CSV"),
    Case("Bytes that are called Parquet", "im.psi('loans.csv', 'junk.parquet')",
         SourceError, "junk.parquet", "frame.to_parquet(path)"),
    Case("A pattern without files", "im.psi('loan_*.csv', 'loans.csv')",
         SourceError, "loan_*.csv", "loans.csv"),
    Case("A file in place of a folder", _REPORT + "Report('Drift', ()).to_json('loans.csv/r.json')",
         OutputError, "loans.csv/r.json cannot be written", "choose a file"),
    Case("A report in pieces", _REPORT + "Report.from_json('pieces.json')",
         DataError, "schema", "--json report.json"),
)  # fmt: skip


def frame() -> pd.DataFrame:
    """Forty loans."""
    rng = np.random.default_rng(0)
    return pd.DataFrame({
        "age": rng.integers(20, 70, 40),
        "income": rng.lognormal(8, 0.5, 40).round(2),
        "grade": np.resize(["a", "b", "c"], 40),
        "bad": np.resize([0, 1], 40),
        "gaps": [None, *np.resize([0.0, 1.0], 39)],
    })  # fmt: skip


def longer() -> pd.DataFrame:
    """Twelve hundred hours."""
    return pd.DataFrame({"x": np.arange(1200) % 7,
                         "time": pd.date_range("2026-01-01", periods=1200, freq="h")})  # fmt: skip


def write_files(folder: Path) -> None:
    """Real files, good and bad."""
    loans = frame()
    loans.to_csv(folder / "loans.csv", index=False)
    loans.to_parquet(folder / "loans.parquet")
    whole = (folder / "loans.parquet").read_bytes()
    (folder / "truncated.parquet").write_bytes(whole[: len(whole) // 2])
    loans[["age", "gaps"]].to_csv(folder / "gaps.csv", index=False)
    (folder / "notes.txt").write_text("call the bank\n")
    (folder / "notes.npy").write_text("call the bank\n")
    np.savez(folder / "layers.npz", conv=np.eye(3), dense=np.eye(3))
    np.savez(folder / "nothing.npz")
    np.savez(folder / "objects.npz", x=np.array([{}], dtype=object))
    np.save(folder / "whole.npy", np.eye(9))
    for name, source in (("truncated.npy", "whole.npy"), ("truncated.npz", "layers.npz")):
        (folder / name).write_bytes((folder / source).read_bytes()[:300])
    (folder / "notes.pdf").write_text("call the bank\n")
    (folder / "notes.parquet").write_text("call the bank\n")
    (folder / "empty.csv").touch()
    loans[:0].to_csv(folder / "header.csv", index=False)
    loans[:0].to_parquet(folder / "header.parquet")
    loans.assign(age="old").to_csv(folder / "words.csv", index=False)
    numbers = pd.DataFrame({"fee": np.arange(200) / 8 + 0.5}).astype(str)
    numbers.replace("1.0", "n/k").to_csv(folder / "spoilt.csv", index=False)
    numbers.assign(fee=numbers["fee"].str.replace(".", ",")).to_csv(
        folder / "commas.csv", index=False, sep=";"
    )
    (folder / "twice.csv").write_text("age,age\n1,2\n")
    (folder / "case.csv").write_text("age,AGE\n1,2\n")
    junk = np.random.default_rng(0).bytes(2000)
    (folder / "junk.csv").write_bytes(junk)
    (folder / "junk.parquet").write_bytes(junk)
    (folder / "ragged.csv").write_text("age,income\n1,2\n3\n4,5,6\n")
    (folder / "latin.csv").write_bytes("age,grade\n1,é\n2,b\n".encode("latin-1"))
    packed = gzip.compress((folder / "loans.csv").read_bytes())
    (folder / "truncated.csv.gz").write_bytes(packed[: len(packed) // 2])
    log = folder / "audit.jsonl"
    moment = datetime(2026, 1, 31, tzinfo=UTC)
    records = im.AuditLog(log, clock=lambda: moment)
    im.StabilityMonitor(records=records).fit(loans).update(loans, period="2026-01")
    text = log.read_text()
    (folder / "edited.jsonl").write_text(text.replace('"alpha":0.05', '"alpha":0.10', 1))
    (folder / "torn.jsonl").write_text(text[:-100])
    (folder / "pieces.json").write_text('{"kind": "infometric-report", "schema_version": 1}')
    write_critics(folder)
    arrays = im.MIST().save(folder / "spoilt weights") / "mist.npz"
    arrays.write_bytes(arrays.read_bytes()[:-1] + b"?")
    (folder / "reports").mkdir()
    (folder / "archive.csv").mkdir()


def write_critics(folder: Path) -> None:
    """Critics on disk: sound, with changed weights, of a later version, and of the user's own."""
    import torch

    class Bilinear(torch.nn.Linear):
        def forward(self, x: Any, y: Any) -> Any:
            return super().forward(x) @ y.T

    x = np.random.default_rng(0).normal(size=(40, 2))
    quick: dict[str, Any] = {"folds": 1, "max_epochs": 1, "hidden": (4,), "random_state": 0}
    fitted = im.NeuralMI(**quick).fit(x, x[:, 0])
    for name in ("critics", "changed", "later"):
        fitted.save(folder / name)
    weights = next((folder / "changed").glob("*.safetensors"))
    weights.write_bytes(weights.read_bytes()[:-1] + b"?")
    about = folder / "later" / "neural_mi.json"
    about.write_text(about.read_text().replace('"schema_version": 1', '"schema_version": 2', 1))
    im.NeuralMI(critic=Bilinear(2, 1), **quick).fit(x, x[:, 0]).save(folder / "own")


def run(case: Case, folder: Path) -> Exception | None:
    """What the case raises; file names are read in `folder`."""
    names: dict[str, Any] = {"im": im, "np": np, "pd": pd, "frame": frame(), "longer": longer()}
    with contextlib.chdir(folder), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            exec(case.code, names)
        except Exception as error:
            return error
    return None


def gallery_markdown() -> str:
    """A page with every case and what it says, by running it."""
    parts = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_files(folder)
        for case in CASES:
            error = run(case, folder)
            text = f"{type(error).__name__}: {error}".replace(f"{folder}/", "")
            parts.append(
                f"## {case.title}\n\n```python\n{case.code}\n```\n\n```text\n{text}\n```\n"
            )
    return "\n".join(parts)
