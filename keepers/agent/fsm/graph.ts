// SPDX-License-Identifier: GPL-3.0-or-later
import { type FsmSpecification, INTERNAL_EVENT, publishedTransitions } from './specification.ts'

/** The machine as a Mermaid state diagram: the published states, or our sub-states inside them. */
export function mermaid(specification: FsmSpecification, options: { refined?: boolean } = {}): string {
  const lines = ['stateDiagram-v2']
  if (options.refined === false) {
    lines.push(`    [*] --> ${specification.default_start_state}`)
    for (const { from, event, to } of publishedTransitions(specification))
      lines.push(`    ${from} --> ${to} : ${event}`)
    return lines.join('\n')
  }
  const { refinement } = specification
  for (const [state, subs] of Object.entries(refinement.sub_states)) {
    lines.push(`    state ${state} {`)
    for (const sub of subs) lines.push(`        ${sub}`)
    lines.push('    }')
  }
  lines.push(`    [*] --> ${refinement.start_state}`)
  for (const { from, event, to } of refinement.transitions) {
    lines.push(`    ${from} --> ${to}${event === INTERNAL_EVENT ? '' : ` : ${event}`}`)
  }
  return lines.join('\n')
}
