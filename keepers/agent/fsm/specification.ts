// SPDX-License-Identifier: GPL-3.0-or-later
import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import { z } from 'zod'
import { AgentError } from '../errors.ts'

const schema = z.strictObject({
  alphabet_in: z.array(z.string()),
  default_start_state: z.string(),
  final_states: z.array(z.string()),
  label: z.string(),
  start_states: z.array(z.string()),
  states: z.array(z.string()),
  transition_func: z.record(z.string().regex(/^\(\w+, \w+\)$/, 'takes keys of the form (State, EVENT)'), z.string()),
  refinement: z.strictObject({
    start_state: z.string(),
    sub_states: z.record(z.string(), z.array(z.string())),
    transitions: z.array(z.strictObject({ from: z.string(), event: z.string(), to: z.string() })),
  }),
})

/** The state machine in the Open Autonomy format, with our refinement of its states. */
export type FsmSpecification = z.infer<typeof schema>
export type FsmTransition = { readonly from: string; readonly event: string; readonly to: string }

/** The event name that marks a transition inside one published state. */
export const INTERNAL_EVENT = 'None'

/** Where the project keeps its specification. */
export const SPECIFICATION_FILE = new URL('../fsm_specification.yaml', import.meta.url)

/** @throws AgentError CONFIG naming the key that is wrong. */
export function parseSpecification(text: string): FsmSpecification {
  let document: unknown
  try {
    document = parse(text)
  } catch (cause) {
    throw new AgentError('CONFIG', `the specification is not valid YAML: ${(cause as Error).message.split('\n')[0]}`, {
      cause,
    })
  }
  const result = schema.safeParse(document)
  if (result.success) return result.data
  const issue = result.error.issues[0]!
  throw new AgentError('CONFIG', `the specification's ${issue.path.join('.') || 'file'}: ${issue.message}`)
}

/** @throws AgentError CONFIG when the file cannot be read. */
export function readSpecification(file: URL | string = SPECIFICATION_FILE): FsmSpecification {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (cause) {
    throw new AgentError('CONFIG', `cannot read the specification ${file}`, { cause })
  }
  return parseSpecification(text)
}

/** The published transitions, taken apart. */
export function publishedTransitions(specification: FsmSpecification): FsmTransition[] {
  return Object.entries(specification.transition_func).map(([key, to]) => {
    const [from, event] = key.slice(1, -1).split(', ') as [string, string]
    return { from, event, to }
  })
}
