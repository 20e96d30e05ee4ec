// SPDX-License-Identifier: GPL-3.0-or-later
import { AbiCoder, keccak256 } from 'ethers'
import { sliceCount } from '../fhe/index.ts'
import { SeededRandom } from '../learning/index.ts'
import { planFor } from '../versions/index.ts'
import type { Account } from './account.ts'
import { Chain } from './chain.ts'
import { roundGas } from './gas.ts'
import { type Fault, Member, type Surroundings } from './member.ts'
import { messagesOf } from './messages.ts'
import { Network } from './network.ts'
import { Processor } from './processor.ts'
import {
  COMPONENTS,
  type Component,
  type Ended,
  nothingSpent,
  PHASES,
  type Phase,
  Service,
  type Spent,
} from './service.ts'
import { parseServiceSettings, type ServiceSettings } from './settings.ts'
import { type Attempt, attemptOf } from './slices.ts'
import { start, World } from './world.ts'

/** What one simulated round took. */
export type ServiceRound = {
  readonly round: number
  readonly seconds: number
  readonly phases: Readonly<Record<Phase, number>>
  /** Where the seconds went, for the keepers that ended the states. */
  readonly spent: Readonly<Record<Component, number>>
  /** Whether the round was lost. */
  readonly lost: boolean
  /** Payload bytes that a keeper fetched from others; below, that it served to them. Mean, and the most of one keeper. */
  readonly fetched: Figure
  readonly served: Figure
  /** Processor seconds of a keeper, training included. */
  readonly processor: Figure
  readonly gas: Figure
  /** Gas of all keepers together. */
  readonly roundGas: number
  /** Fraction of the sums that keepers added up together. */
  readonly sliced: number
  /** Updates revealed, and those of them that started from an earlier version. */
  readonly updates: number
  readonly stale: number
}
export type Figure = { readonly mean: number; readonly most: number }

export type ServiceResult = {
  readonly settings: ServiceSettings
  readonly threshold: number
  /** Bytes of an update, of a share, and of what a keeper fetches once per epoch for the keys. */
  readonly messages: { readonly update: number; readonly share: number; readonly keys: number }
  readonly rounds: readonly ServiceRound[]
  /** What takes most of a round, training and waiting for windows included. */
  readonly bound: Component
}

/** Factor by which a slow keeper's processor and link are slower than an ordinary one's. */
const SLOWNESS = 10
/** Least fraction of a shared machine that following the chain leaves. */
const LEAST_LEFT = 0.1

/**
 * Plays rounds of a whole service: network, chain and processors. The same settings give the same result.
 * @param options.onRound Called after each round.
 * @throws SizingError for settings that do not fit, FheError 'plan-impossible' when no encryption does, the signal's reason.
 */
export function simulateService(
  given: Parameters<typeof parseServiceSettings>[0],
  options: { readonly signal?: AbortSignal; readonly onRound?: (round: number) => void } = {},
): ServiceResult {
  const settings = parseServiceSettings(given)
  const { keepers, machine, costs, chain: chainTerms, windows } = settings
  const threshold = Math.floor((keepers * settings.decryptionBps) / 10_000) + 1
  const plan = planFor({
    members: keepers,
    threshold,
    decryptionsPerKey: settings.decryptionsPerEpoch,
    vectorLength: settings.parameters,
    terms: settings.terms,
  })
  const messages = messagesOf(plan, settings.slices)
  const world = new World()
  const random = new SeededRandom(settings.seed)
  const faults = faultsOf(settings, random)
  const slowed = (seat: number): number => (faults[seat] === 'slow' ? SLOWNESS : 1)
  const links = faults.map((_, seat) => {
    const { up, down, ...link } = settings.network
    return { ...link, up: up / slowed(seat), down: down / slowed(seat) }
  })
  const network = new Network(world, links, settings.protocol)
  const chain = new Chain(world, chainTerms)
  const ended: EndedWith[] = []
  const onEnd = (state: Ended): void => {
    const { revealed, behind } = service.seats
    const stale = [...revealed].filter((seat) => behind.has(seat)).length
    const alive = members.filter(({ isDead }) => !isDead)
    ended.push({ ...state, spent: spentOf(state, members), alive, updates: revealed.size, stale })
    for (const member of members) member.spent = nothingSpent()
    if (state.phase === 'vote' || state.lost) options.onRound?.(state.round)
  }
  const { buffer: size, maxStaleness } = settings
  const service = new Service(
    world,
    {
      ...{ members: keepers, threshold, windows, rounds: settings.rounds },
      buffer: size === 0 ? null : { size, maxStaleness },
    },
    onEnd,
  )
  const seedOf = (round: number): string =>
    keccak256(AbiCoder.defaultAbiCoder().encode(['uint256', 'uint256'], [settings.seed, round]))
  const attempts = new Map<string, Attempt>()
  const attemptAt = (message: Attempt['message'], round: number): Attempt | null => {
    if (messages.slices.length === 0) return null
    const name = `${message}/${round}`
    const known = attempts.get(name)
    if (known !== undefined) return known
    const { revealed, attested, drafted } = service.seats
    const made = attemptOf({
      message,
      sources: [...(message === 'update' ? revealed : drafted)].sort((a, b) => a - b),
      helpers: message === 'update' ? [...revealed] : [...attested.keys()].filter((seat) => revealed.has(seat)),
      slices: sliceCount(plan),
      seed: seedOf(2 * round + (message === 'update' ? 0 : 1)),
    })
    attempts.set(name, made)
    return made
  }
  const shared = machine.shared
    ? new Processor(
        world,
        Math.max(LEAST_LEFT * machine.cores, machine.cores - (keepers * costs.follow) / machine.speed),
        machine.speed,
      )
    : null
  const turns = Array.from({ length: keepers }, (_, seat) => seat)
  random.shuffle(turns)
  const around: Surroundings = {
    ...{ world, network, chain, service, plan, messages, costs, attemptAt, seedOf },
    ...{ gas: roundGas(keepers, threshold), protocol: settings.protocol },
    ...{ pollSeconds: settings.pollSeconds, fetchSeconds: settings.fetchSeconds },
    ...{ requestSeconds: chainTerms.requestSeconds, trainingSeconds: settings.trainingSeconds },
    fetchesAtOnce: settings.fetchesAtOnce,
    isReachable: (seat) => !members[seat]!.isDead,
    memberAt: (seat) => members[seat]!,
    turnOf: (seat) => turns[seat]!,
  }
  const members: readonly Member[] = faults.map(
    (fault, seat) =>
      new Member(around, {
        ...{ seat, fault },
        death: fault === 'killed' ? { round: 1, phase: PHASES[random.below(PHASES.length - 1)]! } : null,
        processor: shared ?? new Processor(world, machine.cores, machine.speed / slowed(seat)),
        offset: random.uniform() * settings.pollSeconds,
      }),
  )
  for (const member of members) start(member.run(settings.rounds))
  world.run(options.signal)
  const last = Math.max(...ended.map(({ round }) => round))
  const rounds = Array.from({ length: last }, (_, i) =>
    roundOf(
      ended.filter(({ round }) => round === i + 1),
      costs.follow,
    ),
  )
  const total = (component: Component): number => rounds.reduce((sum, { spent }) => sum + spent[component], 0)
  return {
    settings,
    threshold,
    messages: { update: messages.update.bytes, share: messages.share.bytes, keys: messages.keys },
    rounds,
    bound: [...COMPONENTS].sort((a, b) => total(b) - total(a))[0]!,
  }
}

/** Which seats have which fault. The settings give the number of each kind, and the seed the seats. */
function faultsOf({ keepers, faults }: ServiceSettings, random: SeededRandom): (Fault | null)[] {
  const kinds = (['killed', 'lying', 'slow'] as const).flatMap((kind) =>
    Array.from({ length: Math.round(faults[kind] * keepers) }, () => kind),
  )
  const all = Array.from({ length: keepers }, (_, i): Fault | null => kinds[i] ?? null)
  random.shuffle(all)
  return all
}

/** Where a state's time went: what its last member spent, and the rest on the chain. If its window ended it, all of it is waiting. */
function spentOf({ by, seconds }: Ended, members: readonly Member[]): Spent {
  const spent = nothingSpent()
  if (by === null) return { ...spent, waiting: seconds }
  const found = members[by]!.spent
  let left = seconds
  for (const component of ['training', 'processor', 'network', 'waiting'] as const) {
    spent[component] = Math.min(left, found[component])
    left -= spent[component]
  }
  return { ...spent, chain: left }
}

type EndedWith = Ended & {
  readonly spent: Spent
  readonly alive: readonly Member[]
  readonly updates: number
  readonly stale: number
}

/** Sums up a round from its states. */
function roundOf(states: readonly EndedWith[], follow: number): ServiceRound {
  const { round, lost, alive, updates, stale } = states.at(-1)!
  const seconds = states.reduce((sum, state) => sum + state.seconds, 0)
  const figure = (value: (account: Account) => number): Figure => {
    const values = alive.map((member) => value(member.accountOf(round)))
    return { mean: values.reduce((a, b) => a + b, 0) / values.length, most: Math.max(...values) }
  }
  const total = (value: (account: Account) => number): number =>
    alive.reduce((sum, member) => sum + value(member.accountOf(round)), 0)
  const sums = total(({ sliced, alone }) => sliced + alone)
  return {
    round,
    seconds,
    phases: Object.fromEntries(
      PHASES.map((phase) => [phase, states.find((state) => state.phase === phase)?.seconds ?? 0]),
    ) as Record<Phase, number>,
    spent: Object.fromEntries(
      COMPONENTS.map((component) => [component, states.reduce((sum, { spent }) => sum + spent[component], 0)]),
    ) as Record<Component, number>,
    lost,
    fetched: figure(({ fetched }) => fetched),
    served: figure(({ served }) => served),
    processor: figure(({ processor }) => processor + follow * seconds),
    gas: figure(({ gas }) => gas),
    roundGas: total(({ gas }) => gas),
    sliced: sums === 0 ? 0 : total(({ sliced }) => sliced) / sums,
    updates,
    stale,
  }
}
