// SPDX-License-Identifier: GPL-3.0-or-later
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { AgentError } from '../errors.ts'
import { type FsmSpecification, type FsmTransition, INTERNAL_EVENT, publishedTransitions } from './specification.ts'

/** The parts that the specification is compared with. */
export type FsmSubjects = {
  /** The contract's enum of states, in its order. */
  readonly contractStates: readonly string[]
  /** The contract's enum of triggers. */
  readonly contractEvents: readonly string[]
  /** Triggers that some line of the contract puts into a transition. */
  readonly emittedEvents: ReadonlySet<string>
  /** States that the keeper has a behaviour for. */
  readonly behaviours: readonly string[]
}

/** All differences between specification, contract and behaviours, one sentence each; empty when they agree. */
export function checkFsm(specification: FsmSpecification, subjects: FsmSubjects): string[] {
  return [
    ...checkTable(specification),
    ...checkRefinement(specification),
    ...checkContract(specification, subjects),
    ...checkBehaviours(specification, subjects),
  ]
}

function checkTable(specification: FsmSpecification): string[] {
  const { states, alphabet_in: events, start_states: starts, final_states: finals } = specification
  const transitions = publishedTransitions(specification)
  const problems: string[] = []
  for (const name of duplicates(states)) problems.push(`state ${name} is listed twice`)
  for (const name of duplicates(events)) problems.push(`event ${name} is listed twice`)
  for (const state of [...starts, ...finals, specification.default_start_state]) {
    if (!states.includes(state)) problems.push(`${state} is a start or final state, but not among the states`)
  }
  for (const { from, event, to } of transitions) {
    if (!states.includes(from)) problems.push(`a transition starts in ${from}, which is not a state`)
    if (!states.includes(to)) problems.push(`(${from}, ${event}) leads to ${to}, which is not a state`)
    if (!events.includes(event)) problems.push(`(${from}, ${event}) uses an unknown event`)
  }
  for (const event of events) {
    if (!transitions.some((transition) => transition.event === event)) problems.push(`event ${event} is never used`)
  }
  const reached = reachable(starts, transitions)
  for (const state of states) if (!reached.has(state)) problems.push(`state ${state} cannot be reached`)
  return problems
}

function checkRefinement(specification: FsmSpecification): string[] {
  const { refinement } = specification
  const problems: string[] = []
  const parents = new Map<string, string>()
  for (const [published, subs] of Object.entries(refinement.sub_states)) {
    if (!specification.states.includes(published)) problems.push(`${published} is refined, but is not a state`)
    for (const sub of subs) {
      if (parents.has(sub)) problems.push(`sub-state ${sub} belongs to two states`)
      parents.set(sub, published)
    }
  }
  for (const state of specification.states) {
    if (!(state in refinement.sub_states)) problems.push(`state ${state} has no sub-states`)
  }
  if (parents.get(refinement.start_state) !== specification.default_start_state) {
    problems.push(`the refinement starts in ${refinement.start_state}, which is not in the default start state`)
  }
  const published = publishedTransitions(specification)
  for (const { from, event, to } of refinement.transitions) {
    const [parentFrom, parentTo] = [parents.get(from), parents.get(to)]
    if (parentFrom === undefined || parentTo === undefined) {
      problems.push(`${from} → ${to} names an unknown sub-state`)
    } else if (event === INTERNAL_EVENT) {
      if (parentFrom !== parentTo) problems.push(`${from} → ${to} leaves ${parentFrom} without a published event`)
    } else if (!published.some((t) => t.from === parentFrom && t.event === event && t.to === parentTo)) {
      problems.push(`${from} → ${to} by ${event} is not a published transition of ${parentFrom}`)
    }
  }
  for (const { from, event, to } of published) {
    const shown = refinement.transitions.some(
      (t) => t.event === event && parents.get(t.from) === from && parents.get(t.to) === to,
    )
    if (!shown) problems.push(`(${from}, ${event}) → ${to} is published, but no sub-state does it`)
  }
  const reached = reachable([refinement.start_state], refinement.transitions)
  for (const sub of parents.keys()) if (!reached.has(sub)) problems.push(`sub-state ${sub} cannot be reached`)
  return problems
}

function checkContract(specification: FsmSpecification, subjects: FsmSubjects): string[] {
  const subs = Object.values(specification.refinement.sub_states).flat()
  const problems: string[] = []
  for (const state of subjects.contractStates) {
    if (!subs.includes(state)) problems.push(`the contract has a state ${state} that the specification does not know`)
  }
  for (const sub of subs) {
    if (!subjects.contractStates.includes(sub)) problems.push(`the contract has no state ${sub}`)
  }
  const events = subjects.contractEvents.filter((event) => event !== INTERNAL_EVENT)
  for (const event of events) {
    if (!specification.alphabet_in.includes(event)) problems.push(`the contract has an unknown event ${event}`)
  }
  for (const event of specification.alphabet_in) {
    if (!events.includes(event)) problems.push(`the contract has no event ${event}`)
    else if (!subjects.emittedEvents.has(event)) problems.push(`event ${event} is never emitted by the contract`)
  }
  return problems
}

function checkBehaviours(specification: FsmSpecification, subjects: FsmSubjects): string[] {
  const subs = Object.values(specification.refinement.sub_states).flat()
  return [
    ...subs.filter((sub) => !subjects.behaviours.includes(sub)).map((sub) => `the keeper has no behaviour for ${sub}`),
    ...subjects.behaviours
      .filter((name) => !subs.includes(name))
      .map((name) => `the keeper has a behaviour for ${name}, which is not a state`),
  ]
}

function reachable(starts: readonly string[], transitions: readonly FsmTransition[]): Set<string> {
  const reached = new Set(starts)
  for (let grew = true; grew; ) {
    grew = false
    for (const { from, to } of transitions) {
      if (reached.has(from) && !reached.has(to)) {
        reached.add(to)
        grew = true
      }
    }
  }
  return reached
}

function duplicates(names: readonly string[]): Set<string> {
  return new Set(names.filter((name, index) => names.indexOf(name) !== index))
}

const CONTRACTS = fileURLToPath(new URL('../../../contracts/', import.meta.url))
const BEHAVIOUR_FOLDER = fileURLToPath(new URL('../behaviours/', import.meta.url))

/** Reads the contract's sources and the keeper's behaviours of this checkout. @throws AgentError CONFIG. */
export async function projectSubjects(): Promise<FsmSubjects> {
  const types = readSource(join(CONTRACTS, 'interfaces', 'ILearningServiceTypes.sol'))
  const rounds = join(CONTRACTS, 'rounds')
  const sources = readdirSync(rounds).filter((name) => name.endsWith('.sol'))
  const emitted = sources.flatMap((name) => {
    const text = readSource(join(rounds, name))
    return [...text.matchAll(/Trigger\.(\w+)/g)].map((match) => match[1]!)
  })
  const { BEHAVIOURS } = await import('../behaviours/index.ts')
  const behaviours = Object.keys(BEHAVIOURS).filter((state) =>
    existsSync(join(BEHAVIOUR_FOLDER, `${fileName(state)}${extname(import.meta.url)}`)),
  )
  return {
    contractStates: enumOf(types, 'State'),
    contractEvents: enumOf(types, 'Trigger'),
    emittedEvents: new Set(emitted),
    behaviours,
  }
}

/** `KeyCommit` → `key-commit`. */
function fileName(state: string): string {
  return state.replace(/(?<=.)[A-Z]/g, (letter) => `-${letter}`).toLowerCase()
}

function readSource(file: string): string {
  try {
    // Comments may name transitions that the code does not make.
    return readFileSync(file, 'utf8').replace(/\/\/.*$|\/\*[\s\S]*?\*\//gm, '')
  } catch (cause) {
    throw new AgentError('CONFIG', `cannot read ${file}: run it in a checkout of the project`, { cause })
  }
}

function enumOf(source: string, name: string): string[] {
  const body = new RegExp(`enum ${name}\\s*\\{([^}]*)\\}`).exec(source)?.[1]
  if (body === undefined) throw new AgentError('CONFIG', `the contract's sources declare no enum ${name}`)
  return body
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
}
