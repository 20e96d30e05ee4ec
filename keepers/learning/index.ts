// SPDX-License-Identifier: GPL-3.0-or-later
// The public face of the learning room: models, data, local training, strategies, privacy, ensembles, simulation.

export { arraysIn, BYTE_FORMATS } from './data/array-bytes.ts'
export { isArrayFile, openArrays } from './data/arrays.ts'
export {
  type Columns,
  columnsSchema,
  columnsWidth,
  contradictionInColumns,
  isGap,
  numberOf,
} from './data/columns.ts'
export { type CsvSchema, csvSchemaSchema, inputReader, loadCsv, parseCsv } from './data/csv.ts'
export { createDataset, head, histogram, subset } from './data/dataset.ts'
export { datasetFromIdx, parseIdx } from './data/idx.ts'
export { loadImageFolder } from './data/images.ts'
export { loadDigits, loadIdxFolder, loadMnist, MNIST_FILES } from './data/mnist.ts'
export { checkValues, type StoredArray } from './data/npy.ts'
export { type OpenedData, openData } from './data/open.ts'
export {
  type Partition,
  partitionBySize,
  partitionDirichlet,
  partitionIid,
  partitionShards,
} from './data/partition.ts'
export { proceduralDigits, USUAL_DIGITS } from './data/procedural.ts'
export { dividerOf, headerOf, readRows, tableText } from './data/rows.ts'
export { openSamples, type SampleForm, type SampleSource, type Samples } from './data/samples.ts'
export {
  contradictionInTensor,
  lastSide,
  loadTensors,
  placeIn,
  sampleIn,
  type TensorTerms,
  tensorSample,
  tensorSchema,
} from './data/tensors.ts'
export { bagSize, contradictionInTokenizer, type Tokenizer, tokenizerSchema, wordsOf } from './data/words.ts'
export type { BackendChoice } from './engine/backend.ts'
export {
  agree,
  type CoTrainingMember,
  type CoTrainingRound,
  coTrain,
  type LabelledInputs,
  type Opinion,
  type PseudoLabels,
  withLabelled,
} from './ensemble/co-training.ts'
export { combine, Ensemble, type EnsembleMember, type Predictor } from './ensemble/ensemble.ts'
export { LearningError, type LearningErrorCode, type LearningErrorObject } from './errors.ts'
export {
  type TrainerCommand,
  type TrainerLimits,
  trainerCommandSchema,
  trainerEnvironmentSchema,
  trainerLimitsSchema,
} from './external/command.ts'
export { removeTree } from './external/remove-tree.ts'
export { type ExternalOutcome, type ExternalRound, ExternalTrainer } from './external/trainer.ts'
export { parseJson } from './json.ts'
export { loadModel, modelJson, saveModel } from './model/artifacts.ts'
export {
  contradictionInLayerGroups,
  evenLayerGroups,
  groupOfRound,
  type LayerGroup,
  layerGroupsSchema,
  parametersIn,
  valuesIn,
  withValues,
} from './model/layer-groups.ts'
export { type ModelFileKind, readModelFile, writeModelFile } from './model/model-file.ts'
export { isModelName, MODEL_NAMES, type ModelName, modelSpec } from './model/registry.ts'
export { parseModelSpec, sequentialSpec, specHash } from './model/spec.ts'
export { checkVector, flatten, initialWeights, unflatten } from './model/vector.ts'
export { PrivacyAccountant, type PrivacySpent, type PrivacyStep } from './privacy/accountant.ts'
export {
  type ClientPrivacy,
  type ClientPrivacySpent,
  clientPrivacySchema,
  clientPrivacySpent,
} from './privacy/ledger.ts'
export {
  addNoiseShare,
  NOISE_TAIL,
  type NormalSource,
  noiseShare,
  type PrivacySettings,
  privatise,
  secureNormal,
} from './privacy/mechanism.ts'
export { deriveSeed, SeededRandom } from './random.ts'
export { roundsChart, roundsCsv } from './simulate/chart.ts'
export {
  parseSimulationConfig,
  type SimulationConfig,
  type SimulationSettings,
  simulationConfigSchema,
} from './simulate/config.ts'
export { roundsEvents } from './simulate/events.ts'
export type { Combine } from './simulate/federation.ts'
export { type LiveSettings, liveSettings } from './simulate/live.ts'
export { type SimulateOptions, type SimulationResult, simulate } from './simulate/simulate.ts'
export { decodeSimulation, encodeSimulation, type RoundRecord, type SimulationState } from './simulate/state.ts'
export { checkMeanNorm, gaussianNormBound, type MeanTerms, meanNormBound, normOf } from './strategy/bound.ts'
export { ConfinedStrategy, type KeeperStrategy } from './strategy/confined.ts'
export { type Control, controlled, nextControl } from './strategy/control.ts'
export { aggregate, type Centre, centreOfGroups, centreSchema, dealGroups } from './strategy/groups.ts'
export { homeLength, takeHome, withHome } from './strategy/home.ts'
export { isAcceptable, isLossAcceptable, nextLossReference, nextReference } from './strategy/judgement.ts'
export {
  clipToNorm,
  coordinateMedian,
  trimmedMean,
  type WeightedUpdate,
  weightedMean,
} from './strategy/mean.ts'
export {
  MOST_STRATEGY_BYTES,
  readStrategy,
  StrategyModule,
  type StrategyRound,
  type StrategyState,
  type StrategyTerms,
  strategyHash,
  strategyTermsSchema,
} from './strategy/module.ts'
export {
  initialServerState,
  momentCount,
  type ServerSettings,
  type ServerState,
  serverSettingsSchema,
  serverStep,
  serverStepFrom,
} from './strategy/server.ts'
export { packError, type ThreadError, unpackError } from './thread-error.ts'
export { decodeCheckpoint, encodeCheckpoint } from './train/checkpoint.ts'
export { type ClassFigures, classFigures, confusionByName, figuresOf } from './train/figures.ts'
export {
  DEFAULT_TRAINING,
  MOST_WORKERS,
  parseTrainingParameters,
  seedOfRound,
  trainingParametersSchema,
} from './train/parameters.ts'
export { trainInStages } from './train/stages.ts'
export { LocalTrainer, type TrainOptions } from './train/trainer.ts'
export type * from './types.ts'
export { type SliceAnswer, SliceCalculator, type SliceFarm, type SliceTask } from './workers/slices.ts'
