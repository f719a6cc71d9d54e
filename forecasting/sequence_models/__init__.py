"""Estimators over recurrent networks: sequences in, labels, numbers, sequences or trajectories out."""

from forecasting.sequence_models.encoder_decoder import EncoderDecoder, VectorToSequence
from forecasting.sequence_models.fixed_size import SequenceClassifier, SequenceRegressor
from forecasting.sequence_models.language_model import LanguageModel
from forecasting.sequence_models.learning import Learning
from forecasting.sequence_models.same_length import SequenceTagger, SequenceTransducer
from forecasting.sequence_models.trajectories import TrajectoryGenerator
from forecasting.sequence_models.tree_classifier import TreeClassifier

__all__ = [
    "EncoderDecoder",
    "LanguageModel",
    "Learning",
    "SequenceClassifier",
    "SequenceRegressor",
    "SequenceTagger",
    "SequenceTransducer",
    "TrajectoryGenerator",
    "TreeClassifier",
    "VectorToSequence",
]
