// SPDX-License-Identifier: GPL-3.0-or-later

import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import pkg from '../../package.json' with { type: 'json' }
import type { QueueEvent, SignerErrorCode } from '../chain/index.ts'
import type { ClientPrivacySpent } from '../learning/index.ts'
import type { RelayedEvent } from '../relay/index.ts'
import { AGENT_ERROR_CODES } from './errors.ts'
import { type JobMetrics, jobMetrics } from './job-metrics.ts'
import { ALONE } from './slices/outcomes.ts'
import { STATES, type StateName } from './states.ts'
import type { ModelScore } from './training/protocol.ts'

/** Troubles of a round that are not thrown errors. Prometheus sees the first of a kind only if the counter was zero before. */
const TROUBLES = [
  'DISK_FULL',
  'BAD_STRATEGY',
  'DIVERGED',
  'DROPPED',
  'LOGS_MISSING',
  'PENALISED',
  'REORGANISED',
  'ROUND_LOST',
  'SIGNER_ALTERED',
  'SIGNER_REFUSED',
  'SIGNER_UNREACHABLE',
  'STORAGE',
  'STRUCKOUT',
  'TRAINER_FAILED',
  'UNKNOWN',
  'UPDATE_MISSING',
  'UPDATE_REFUSED',
  'WORKER_DIED',
]
/** Why a keeper is not a member of the epoch that runs: operations/not-member.ts explains each. */
const NOT_MEMBER_CAUSES = ['manifest', 'unregistered', 'jail', 'seat', 'undrawn', 'opening', 'excluded'] as const
export type NotMemberCause = (typeof NOT_MEMBER_CAUSES)[number]
/** Steps that count as missed when their window is over: the contract gives a strike for each. */
const MISSABLE = ['reveal', 'check'] as const
/** Each kind of a transaction's events. */
const TRANSACTION_KINDS: readonly (QueueEvent | RelayedEvent)['kind'][] = [
  'sent',
  'resent',
  'replaced',
  'confirmed',
  'reorganised',
  'handed over',
  'not relayed',
  'own transaction',
]

/** What a remote signer's errors are counted as. */
export const SIGNER_OUTCOMES: Readonly<Record<SignerErrorCode, string>> = {
  SIGNER_UNREACHABLE: 'unreachable',
  SIGNER_REFUSED: 'refused',
  SIGNER_CONFIG: 'refused',
  SIGNER_ALTERED: 'altered',
}

/** Milliseconds between measurements of the event loop's lag. By default, an idle keeper would wake up a hundred times a second for them. */
const LAG_PRECISION_MS = 100

/** The keeper's Prometheus metrics. Names end in their unit. Labels never hold secrets or data of the shard. */
export class KeeperMetrics {
  readonly registry = new Registry()
  readonly round: Gauge
  readonly epoch: Gauge
  readonly block: Gauge
  readonly blockTime: Gauge
  readonly peers: Gauge
  readonly relayedPeers: Gauge
  /** Null without AutoNAT. */
  readonly reachable: Gauge | null
  readonly leftOut: Gauge
  readonly member: Gauge
  readonly contradicted: Gauge
  readonly clipped: Gauge
  readonly accuracy: Gauge
  readonly balance: Gauge
  readonly roundsCompleted: Counter
  readonly stepsDone: Counter<'step'>
  readonly stepsMissed: Counter<'step'>
  readonly errors: Counter<'code'>
  readonly transactions: Counter<'kind'>
  readonly rpcRequests: Counter<'method'>
  readonly gas: Counter<'step'>
  readonly bytesPublished: Counter<'kind'>
  readonly bytesFetched: Counter<'kind'>
  readonly sliceSums: Counter<'outcome'>
  readonly stepSeconds: Histogram<'step'>
  /** Models that pinning services were told of; null without such services. */
  readonly pins: Counter<'outcome'> | null
  /** Null without a DHT. */
  readonly dht: { readonly peers: Gauge; readonly announcements: Counter<'outcome'> } | null
  /** Null with a key of the keeper's own process. */
  readonly signerRequests: Counter<'outcome'> | null
  /** Null without workers on other machines. */
  readonly jobs: JobMetrics | null
  readonly #state: Gauge<'state'>
  readonly #notMember: Gauge<'cause'>
  readonly #epsilon: Gauge<'against'>
  readonly #holdOut: Gauge<'name'>
  readonly #samples: Gauge<'part'>
  readonly #classes: Gauge<'class' | 'name'>
  readonly #trainer: Gauge<'name'>

  /**
   * @param options.process Whether to include the process's own figures; default true.
   * @param options.dht Whether to include figures of the DHT, for a keeper that takes part in one.
   * @param options.pinning The same for services that pin its models.
   * @param options.signer The same for a remote signer.
   * @param options.autonat The same for AutoNAT, by which it asks others whether they can dial it.
   * @param options.workers The same for workers on other machines.
   */
  constructor(
    options: Partial<Record<'process' | 'dht' | 'pinning' | 'signer' | 'autonat' | 'workers', boolean>> = {},
  ) {
    const registers = [this.registry]
    const gauge = (name: string, help: string): Gauge => new Gauge({ name: `cohort_${name}`, help, registers })
    this.round = gauge('round', 'Round that the service is in.')
    this.epoch = gauge('epoch', 'Epoch that the service is in.')
    this.block = gauge('chain_block', 'Last block looked at.')
    this.blockTime = gauge('chain_block_time_seconds', 'Time of that block, Unix seconds.')
    this.peers = gauge('peers', 'Open libp2p connections.')
    this.relayedPeers = gauge('relayed_peers', 'Those of them that go through a relay.')
    // A gauge without labels begins at 0, which would say that nobody can dial it.
    this.reachable = options.autonat
      ? gauge(
          'reachable',
          'One when others could dial this keeper when they were last asked, zero when not; NaN while nobody has tried.',
        )
      : null
    this.reachable?.set(Number.NaN)
    this.leftOut = gauge('members_left_out', 'Members that contribute nothing for now: convicted, or the most suspect.')
    this.member = gauge('member', 'One while this keeper is a member of the epoch that runs, else zero.')
    this.contradicted = gauge(
      'endpoints_contradicted',
      'One while chain endpoints contradict each other and this keeper stays silent for it, else zero.',
    )
    this.clipped = gauge(
      'weights_clipped',
      'Weights of the last model that outgrew the plan for proofs and were clipped to it.',
    )
    this.accuracy = gauge(
      'holdout_accuracy_ratio',
      "Accuracy of the last candidate on this keeper's hold-out, 0 to 1; of amounts R².",
    )
    this.balance = gauge('operator_balance_ether', "The operator's remaining balance for gas.")
    this.#epsilon = new Gauge({
      name: 'cohort_privacy_epsilon',
      help: 'Differential privacy spent since the first round, against those who see models only, and against members who collude.',
      labelNames: ['against'],
      registers,
    })
    this.#holdOut = new Gauge({
      name: 'cohort_holdout_figure',
      help: "More of the last candidate on this keeper's hold-out: loss, f1 and auc of classes, r2, mae and rmse of amounts.",
      labelNames: ['name'],
      registers,
    })
    this.#classes = new Gauge({
      name: 'cohort_holdout_class_figure',
      help: 'Recall, precision and f1 of each class, or each of several labels, of the last candidate on this keeper’s hold-out, where there is something to divide by.',
      labelNames: ['class', 'name'],
      registers,
    })
    this.#samples = new Gauge({
      name: 'cohort_samples',
      help: 'Samples that this keeper trains on, and those that it judges candidates by. Zero to train on: its updates weigh nothing.',
      labelNames: ['part'],
      registers,
    })
    this.#trainer = new Gauge({
      name: 'cohort_trainer_figure',
      help: 'Figures that the program of training.command reported for its last training, by its own names.',
      labelNames: ['name'],
      registers,
    })
    this.#state = new Gauge({
      name: 'cohort_state',
      help: 'One for the state the service is in, zero for the others.',
      labelNames: ['state'],
      registers,
    })
    this.#notMember = new Gauge({
      name: 'cohort_not_member',
      help: 'One for the cause that keeps this keeper from being a member, zero for the others, and for all while it is one.',
      labelNames: ['cause'],
      registers,
    })
    this.roundsCompleted = new Counter({
      name: 'cohort_rounds_completed_total',
      help: 'Rounds that ended with an accepted model while this keeper ran.',
      registers,
    })
    const counter = <L extends string>(name: string, help: string, label: L): Counter<L> =>
      new Counter({ name: `cohort_${name}`, help, labelNames: [label], registers })
    this.stepsDone = counter('steps_total', 'Steps of rounds and key generations that this keeper did.', 'step')
    this.stepsMissed = counter(
      'steps_missed_total',
      'Steps that this member missed, each of which brought it a strike.',
      'step',
    )
    this.errors = counter('errors_total', 'Errors by code; the keeper went on after each.', 'code')
    this.transactions = counter('transactions_total', 'Transactions sent, replaced, confirmed, reorganised.', 'kind')
    this.rpcRequests = counter('rpc_requests_total', 'Requests to RPC endpoints, by method.', 'method')
    this.gas = counter('gas_used_total', 'Gas of confirmed transactions.', 'step')
    this.bytesPublished = counter('published_bytes_total', 'Bytes of blobs offered to others.', 'kind')
    this.bytesFetched = counter('fetched_bytes_total', 'Bytes of blobs fetched from others.', 'kind')
    this.sliceSums = counter(
      'slice_sums_total',
      'Attempts to add up by slices: together, or why this keeper added up by itself.',
      'outcome',
    )
    this.stepSeconds = new Histogram({
      name: 'cohort_step_seconds',
      help: 'Time that each step took, waiting for others included.',
      labelNames: ['step'],
      buckets: [0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000, 3600],
      registers,
    })
    this.pins = options.pinning
      ? counter('remote_pins_total', 'Models told to pinning services, by what came of it.', 'outcome')
      : null
    this.dht = options.dht
      ? {
          peers: gauge('dht_peers', 'Nodes of the DHT in the routing table.'),
          announcements: counter('dht_announcements_total', 'Models told to the DHT, by what came of it.', 'outcome'),
        }
      : null
    this.signerRequests = options.signer
      ? counter('signer_requests_total', 'Signatures asked of the remote signer, by what came of it.', 'outcome')
      : null
    this.jobs = options.workers ? jobMetrics(registers) : null
    for (const outcome of ['signed', ...Object.values(SIGNER_OUTCOMES)]) this.signerRequests?.inc({ outcome }, 0)
    for (const code of [...AGENT_ERROR_CODES, ...TROUBLES]) this.errors.inc({ code }, 0)
    for (const step of MISSABLE) this.stepsMissed.inc({ step }, 0)
    for (const outcome of ['together', ...Object.keys(ALONE)]) this.sliceSums.inc({ outcome }, 0)
    this.setNotMember(null)
    for (const kind of TRANSACTION_KINDS) this.transactions.inc({ kind }, 0)
    for (const outcome of ['pinned', 'failed']) this.pins?.inc({ outcome }, 0)
    for (const outcome of ['announced', 'failed']) this.dht?.announcements.inc({ outcome }, 0)
    const build = new Gauge({
      name: 'cohort_build_info',
      help: 'Always one; the labels say what runs.',
      labelNames: ['version', 'node'],
      registers,
    })
    build.set({ version: pkg.version, node: process.version }, 1)
    if (options.process !== false) {
      collectDefaultMetrics({ register: this.registry, eventLoopMonitoringPrecision: LAG_PRECISION_MS })
    }
  }

  /** A candidate's figures on this keeper's hold-out. */
  setHoldOut({
    accuracy,
    loss,
    figures,
    classes = [],
  }: Pick<ModelScore, 'accuracy' | 'loss' | 'figures' | 'classes'>): void {
    this.accuracy.set(accuracy)
    this.#holdOut.set({ name: 'loss' }, loss)
    for (const [name, value] of Object.entries(figures)) this.#holdOut.set({ name }, value)
    this.#classes.reset()
    for (const { name: of, recall, precision, f1 } of classes) {
      for (const [name, value] of Object.entries({ recall, precision, f1 })) {
        if (value !== null) this.#classes.set({ class: of, name }, value)
      }
    }
  }

  setSamples({ samples, heldOut }: { readonly samples: number; readonly heldOut: number }): void {
    this.#samples.set({ part: 'training' }, samples)
    this.#samples.set({ part: 'holdout' }, heldOut)
  }

  /** ε of the service; +Inf when a sum left colluders with no noise but their own. */
  setPrivacy({ epsilon, outsideEpsilon }: ClientPrivacySpent): void {
    this.#epsilon.set({ against: 'members' }, epsilon ?? Number.POSITIVE_INFINITY)
    this.#epsilon.set({ against: 'outsiders' }, outsideEpsilon ?? Number.POSITIVE_INFINITY)
  }

  /** Figures of the last training; they replace all earlier ones. */
  setTrainer(figures: Readonly<Record<string, number>>): void {
    this.#trainer.reset()
    for (const [name, value] of Object.entries(figures)) this.#trainer.set({ name }, value)
  }

  setNotMember(current: NotMemberCause | null): void {
    for (const cause of NOT_MEMBER_CAUSES) this.#notMember.set({ cause }, cause === current ? 1 : 0)
  }

  setState(current: StateName): void {
    for (const state of STATES) this.#state.set({ state }, state === current ? 1 : 0)
  }
}
