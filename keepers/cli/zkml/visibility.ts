// SPDX-License-Identifier: GPL-3.0-or-later
// --input and --output of commands that compile: how the whole input or output is shown, or each of several, by its name.
import { InvalidArgumentError, Option } from 'commander'
import type {
  CircuitManifest,
  InputVisibility,
  IntegerProgram,
  PartVisibilities,
  Visibility,
} from '../../zkml/index.ts'
import { fieldElement, usage } from './terminal.ts'

const VISIBILITIES = ['public', 'committed', 'private'] as const
const INPUT_VISIBILITIES = [...VISIBILITIES, 'sha256', 'signed'] as const

/** The options given: for all parts together, and for named parts, in the order of the command line. */
export type Shown<Whole extends string> = {
  readonly whole: Whole
  readonly named: readonly (readonly [name: string, shown: Visibility])[]
}

/** Collects repeated options: a visibility, or NAME:visibility. Names may contain colons, so the last colon separates. */
function collect<Whole extends string>(choices: readonly Whole[], whole: Whole) {
  return (text: string, before: Shown<Whole> = { whole, named: [] }): Shown<Whole> => {
    const at = text.lastIndexOf(':')
    const [name, how] = at < 0 ? [null, text] : [text.slice(0, at), text.slice(at + 1)]
    if (name === null) {
      const said = choices.find((choice) => choice === how)
      if (said === undefined)
        throw new InvalidArgumentError(
          `Allowed choices are ${choices.join(', ')}, or NAME:${VISIBILITIES.join(', NAME:')}.`,
        )
      return { ...before, whole: said }
    }
    const shown = VISIBILITIES.find((choice) => choice === how)
    if (shown === undefined) throw new InvalidArgumentError(`${name} can be shown as ${VISIBILITIES.join(', ')}.`)
    if (before.named.some(([other]) => other === name)) throw new InvalidArgumentError(`${name} is named twice.`)
    return { ...before, named: [...before.named, [name, shown]] }
  }
}

export function inputVisibility(): Option {
  return new Option(
    '--input <how>',
    `how the input is shown: ${INPUT_VISIBILITIES.join(', ')}; NAME:how for one of several`,
  )
    .argParser(collect(INPUT_VISIBILITIES, 'committed'))
    .default({ whole: 'committed', named: [] } satisfies Shown<InputVisibility>, 'committed')
}

export function outputVisibility(): Option {
  return new Option(
    '--output <how>',
    `how the output is shown: ${VISIBILITIES.join(', ')}; NAME:how for one of several`,
  )
    .argParser(collect(VISIBILITIES, 'public'))
    .default({ whole: 'public', named: [] } satisfies Shown<Visibility>, 'public')
}

/** verify: the commitment that one of several inputs or outputs must have. */
export function wantedPart(): Option {
  return new Option(
    '--part <name=number>',
    'the commitment that one of several inputs or outputs must have; may be repeated',
  )
    .argParser((text: string, before: ReadonlyMap<string, bigint> = new Map()) => {
      const at = text.lastIndexOf('=')
      if (at < 1) throw new InvalidArgumentError('NAME=NUMBER is needed.')
      return new Map([...before, [text.slice(0, at), fieldElement('--part')(text.slice(at + 1))]])
    })
    .default(new Map(), 'none')
}

/** How a program's inputs, or its outputs, are shown. Those that are not named are shown like the whole. */
export function visibilityOf<Whole extends string>(
  program: IntegerProgram,
  domain: 'inputs' | 'outputs',
  { whole, named }: Shown<Whole>,
): Whole | PartVisibilities {
  if (named.length === 0) return whole
  const option = domain === 'inputs' ? '--input' : '--output'
  const parts = domain === 'inputs' ? program.input.parts : program.outputs
  if (parts === undefined) {
    const why =
      domain === 'outputs' && program.output.kind !== 'logits-commitment'
        ? `the plan's output is ${program.output.kind}, one number; only several outputs under logits-commitment (calibrate --take A,B --output logits-commitment) are shown one by one`
        : `${program.name} has one of these; say ${option} ${named[0]![1]}`
    throw usage(`${option} ${named[0]!.join(':')}: ${why}`)
  }
  const names = parts.map(({ name }) => name)
  for (const [name] of named)
    if (!names.includes(name)) throw usage(`${option}: there is no ${name} among the ${domain} ${names.join(', ')}`)
  const others = VISIBILITIES.find((choice) => choice === (whole as string))
  if (others === undefined)
    throw usage(`${option} ${whole} is for the whole input; it cannot be combined with ${named[0]!.join(':')}`)
  const shown = names.map((name) => named.find(([each]) => each === name)?.[1] ?? others)
  if (shown.every((each) => each === 'private'))
    throw usage(
      `${option}: all ${domain} are private, so a proof would say nothing of them; show one of ${names.join(', ')}`,
    )
  return shown
}

/** The one visibility of commands that show the whole alone. */
export function wholeOf<Whole extends string>(option: '--input' | '--output', { whole, named }: Shown<Whole>): Whole {
  if (named.length > 0)
    throw usage(
      `${option} ${named[0]!.join(':')}: segments show all parts in the same way; give one visibility without a name`,
    )
  return whole
}

/** In words, for people. */
export function visibilityText(shown: CircuitManifest['input'] | CircuitManifest['output']): string {
  return typeof shown === 'string' ? shown : shown.parts.map(({ name, shown: each }) => `${name} ${each}`).join(', ')
}
