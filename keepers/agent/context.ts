// SPDX-License-Identifier: GPL-3.0-or-later
import type { Logger } from 'pino'
import type { Clock, Endpoints, PeerBook, Sender, ServiceContracts, Sortition } from '../chain/index.ts'
import type { KeeperStrategy, LabelledInputs } from '../learning/index.ts'
import type { DataPlane } from '../network/index.ts'
import type { KeeperStore } from '../store/index.ts'
import type { Coverage, ServiceManifest } from '../versions/index.ts'
import type { KeeperConfig } from './config.ts'
import type { ControlVariate } from './control-variate.ts'
import type { EpochEngine } from './epoch.ts'
import type { Facts } from './facts.ts'
import type { KeeperMetrics } from './metrics.ts'
import type { GlobalModel } from './models.ts'
import type { Snapshot } from './snapshot.ts'
import type { HomeLayers } from './strategy.ts'
import type { OutlivingTraining } from './training/outliving.ts'
import type { TrainOutcome } from './training/protocol.ts'
import type { Trainer } from './training/trainer.ts'

/** Everything that a behaviour may use. The daemon builds it once; tests build it from their own parts. */
export type AgentContext = {
  readonly config: KeeperConfig
  readonly manifest: ServiceManifest
  /** The part of the model that each round covers. */
  readonly coverage: Coverage
  readonly chainId: bigint
  readonly serviceAddress: `0x${string}`
  readonly operator: string
  readonly clock: Clock
  readonly store: KeeperStore
  readonly plane: DataPlane
  readonly queue: Sender
  readonly contracts: ServiceContracts
  /** The RPC endpoints one by one, for what must not rest on one's word. */
  readonly endpoints: Endpoints
  /** Switches to the next endpoint, if there is another, because this one withheld something that it must have. */
  readonly leaveEndpoint: (reason: string) => void
  readonly facts: Facts
  readonly peers: PeerBook
  readonly epochs: EpochEngine
  readonly model: GlobalModel
  /** Computes the next model from the mean, if the manifest names a module; null for a built-in strategy. */
  readonly strategy: KeeperStrategy | null
  /** Parts of the model that are this keeper's alone; empty unless a strategy module has such parts. */
  readonly home: HomeLayers
  /** This keeper's control variate; null unless the strategy uses one. */
  readonly control: ControlVariate | null
  readonly trainer: Trainer
  /** What this keeper brings to a round instead of a training on its own samples; absent for `training.source: own`. */
  readonly source?: UpdateSource
  readonly metrics: KeeperMetrics
  readonly remembered: Remembered
  readonly log: Logger
  /** Ends the daemon; transactions under way are followed until then. */
  readonly stopping: AbortSignal
}

/** Answers that steps ask for only once. A restarted process asks again. */
export type Remembered = {
  /** The first block whose events an endpoint reported falsely or not at all. The loop reads on from there, at another endpoint. */
  reread: number | null
  /** The service's parameters, and the block that opened their epoch. */
  parameters: { readonly block: number; readonly parameters: EpochParameters } | null
  /** The latest blocks that proposed and applied parameters when this keeper's manifest last matched the service's. */
  agreed: string | null
  /** Chain time of this keeper's first sight of a due transition, and the last transition before that. */
  due: { readonly mark: string; readonly time: number } | null
  /** The newest block that the chain calls final (`chain.finality`), and the head at which it was asked for. */
  final: { readonly block: number; readonly askedAt: number } | null
  /** The contract that draws the members, or null for none, and the blocks of the parameters that name it. */
  sortition?: { readonly occasion: string; readonly found: Sortition | null }
  /** Chain time at which this keeper first saw that an act is due which candidates do in turn. */
  turn?: { readonly occasion: string; readonly time: number }
  /** The last note that this candidate has logged, so that it is logged only once. */
  noted?: string
  /** The epoch of which this keeper has reported the absent members. */
  reported?: string
  /** A training that may go on when its round is over, where the service waits for no slower members. */
  training?: OutlivingTraining
  /** Set while endpoints contradict each other and no further endpoint can settle which of them lies; otherwise null or absent. */
  contradiction?: { readonly about: string; readonly endpoints: readonly string[]; readonly since: number } | null
}

/** The parameters of the service that matter in an epoch. */
export type EpochParameters = {
  /** SHA-256 of the manifest, as the chain has it. */
  readonly manifest: string
  readonly minKeepers: number
  /** The contract that decides who may take a seat; the zero address for none. */
  readonly admission: string
  readonly decryptionsPerEpoch: number
  /** Updates with which Training ends; 0 where it waits for all. */
  readonly buffer: number
  /** Versions that an update may be behind; 0 where Training waits for all. */
  readonly maxStaleness: number
  readonly windows: Readonly<Record<'key' | 'training' | 'reveal' | 'aggregate' | 'decrypt' | 'vote', number>>
}

/** The keeper's own training, on its samples and on labelled inputs beside them. */
export type OwnTraining = (labelled?: LabelledInputs | null) => Promise<TrainOutcome>

/**
 * What the keeper brings to a round.
 * @throws LearningError TRAINER_FAILED when it can bring nothing: it misses the round, and the others go on
 */
export type UpdateSource = (step: Step, own: OwnTraining) => Promise<TrainOutcome>

/** One look at the chain, handed to the behaviour of the state found. */
export type Step = {
  readonly context: AgentContext
  readonly snapshot: Snapshot
  /** The keeper's seat, or null when it has none. */
  readonly seat: number | null
  /** Aborted when the state is over or the daemon stops. */
  readonly signal: AbortSignal
  /** Called for each confirmed transaction, so that the loop notices when its block leaves the chain. */
  readonly onConfirmed?: (at: BlockOfAct) => void
}

/** The block that holds a transaction of this keeper, by its receipt. */
export type BlockOfAct = { readonly blockNumber: number; readonly blockHash: string; readonly hash: string }

/**
 * The result of a behaviour: `done` for this state, or `again` while it waits for something. The loop calls a behaviour until it is done. Each
 * call starts from the chain and the journal, so it may be killed anywhere.
 */
export type StepResult = 'done' | 'again'
export type Behaviour = (step: Step) => Promise<StepResult>
