// SPDX-License-Identifier: GPL-3.0-or-later
// The whole circuit of a program: ranges and commitments around the network, and the statement at its end.
import { elementCount, type IntegerProgram, type Mode, tensorOf } from '../../graph/program.ts'
import { differenceBits, signedBits } from '../../graph/windows.ts'
import { checkMagnitudes } from '../bounds.ts'
import { commitModel, requireField, valuesPerElement } from '../commitment.ts'
import { DIGEST_BITS } from '../digest.ts'
import { type ParameterSignal, parameterSignals, writeNetwork } from './network.ts'
import {
  type CircuitOptions,
  checkInput,
  checkOutput,
  DEFAULT_TILE,
  header,
  inputLayout,
  modelHeader,
  RESULT_LAYOUT,
  scoresLayout,
} from './statement.ts'
import { CircomText, literal } from './text.ts'

/** Inputs of SignedCommitment, by the names that the main component gives them too. */
const SIGNED_SIGNALS = ['tag', 'keyX', 'keyY', 'Rx', 'Ry', 'S']

const PREAMBLE = ['// SPDX-License-Identifier: GPL-3.0-or-later', 'pragma circom 2.2.0;', '']

/**
 * Circom source of the circuit that computes `program` exactly. Public signals: modelCommitment, inputCommitment, output,
 * context, in this order.
 *
 * Inputs of the witness: see witnessInputs.
 * @throws CircuitError `unsupported`, or `bound-exceeded` when sums could reach the size of the field.
 */
export function writeCircuit(program: IntegerProgram, options: CircuitOptions = {}): string {
  const { input = 'committed', output = 'public', tile = DEFAULT_TILE } = options
  checkInput(program, input)
  checkOutput(program)
  checkMagnitudes(program)
  const network = writeNetwork(program, tile)
  const gadgets = new Set(network.gadgets)
  const parameters = program.mode === 'committed' ? parameterSignals(program) : []
  const inputSize = inputLayout(program).count
  const text = new CircomText()

  text.add(
    '// From the integers of the input to the statement. Signals that carry integers hold them as offsets from their least value.',
    'template Main() {',
    `signal input x[${inputSize}];`,
  )
  for (const { name, count } of parameters) text.add(`signal input ${name}[${count}];`)
  if (program.mode === 'committed') text.add('signal input modelSalt;')
  if (input === 'committed' || input === 'signed') text.add('signal input inputSalt;')
  if (input === 'signed') text.add(...SIGNED_SIGNALS.map((name) => `signal input ${name};`))
  if (output === 'committed') text.add('signal input outputSalt;')
  text.add(
    'signal input context;',
    'signal output modelCommitment;',
    'signal output inputCommitment;',
    'signal output result;',
    '',
    '// The context is what a proof is for. A constraint on it keeps anyone from putting another one in its place.',
    'signal contextSquare <== context * context;',
    '',
    'component network = Network();',
  )
  text.loops([['i', inputSize]], () => text.add('network.x[i] <== x[i];'))
  for (const { name, count } of parameters) {
    text.loops([['i', count]], () => text.add(`network.${name}[i] <== ${name}[i];`))
  }
  writeModelCommitment(text, gadgets, program, parameters, options.modelSalt ?? 0n)
  writeInputCommitment(text, gadgets, program, input)
  writeResult(text, gadgets, program, output)
  text.add('}', '', 'component main {public [context]} = Main();')
  return assemble(program.name, program.mode, gadgets, [network.text, text])
}

export function assemble(name: string, mode: Mode, gadgets: ReadonlySet<string>, parts: readonly CircomText[]): string {
  const head = new CircomText()
  head.add(
    ...PREAMBLE.slice(0, 1),
    `// ${printable(name)}, ${mode} weights. Written by keepers/zkml/circuit; do not edit.`,
  )
  head.add(...PREAMBLE.slice(1), ...[...gadgets].sort().map((gadget) => `include "${gadget}.circom";`), '')
  for (const part of parts) head.append(part)
  return head.toString()
}

/** Ranges, packing and commitment of the parameters, or the constant that binds a released model. */
export function writeModelCommitment(
  text: CircomText,
  gadgets: Set<string>,
  program: IntegerProgram,
  parameters: readonly ParameterSignal[],
  releasedSalt: bigint,
): void {
  text.add('')
  if (program.mode === 'released') {
    const constant = commitModel(program, requireField(releasedSalt, 'modelSalt'))
    text.add('// The weights above are constants; this is the commitment to exactly them.')
    text.add(`modelCommitment <== ${constant};`)
    return
  }
  gadgets.add('packing').add('commitment')
  text.add('// Every parameter is ranged, packed and committed to.')
  const packed = parameters.map(({ name, count, bits }) => {
    text.add(`component ${name}$packed = RangedPack(${count}, ${bits});`)
    text.loops([['i', count]], () => text.add(`${name}$packed.in[i] <== ${name}[i];`))
    return { name: `${name}$packed`, elements: Math.ceil(count / valuesPerElement(bits)) }
  })
  writeCommitment(text, 'model', modelHeader(program), packed, 'modelSalt', 'modelCommitment')
}

function writeInputCommitment(
  text: CircomText,
  gadgets: Set<string>,
  program: IntegerProgram,
  visibility: CircuitOptions['input'],
): void {
  const layout = inputLayout(program)
  const { count, bits } = layout
  if (visibility === 'sha256') {
    gadgets.add('sha256')
    text.add('', '// The hash ranges every byte.', `component xHash = Sha256(${count});`, 'var digest = 0;')
    text.loops([['i', count]], () => text.add('xHash.in[i] <== x[i];'))
    text.loops([['i', DIGEST_BITS]], () => text.add('digest = 2 * digest + xHash.digest[i];'))
    text.add('inputCommitment <== digest;')
    return
  }
  gadgets.add('packing')
  text.add(
    '',
    '// Every element of the input is ranged, whoever chose it.',
    `component xPacked = RangedPack(${count}, ${bits});`,
  )
  text.loops([['i', count]], () => text.add('xPacked.in[i] <== x[i];'))
  if (visibility === 'private') {
    text.add('inputCommitment <== 0;')
    return
  }
  gadgets.add('commitment')
  const packed = [{ name: 'xPacked', elements: Math.ceil(count / valuesPerElement(bits)) }]
  const salt = visibility === 'public' ? '0' : 'inputSalt'
  if (visibility !== 'signed') {
    writeCommitment(text, 'input', header('input', [layout]), packed, salt, 'inputCommitment')
    return
  }
  gadgets.add('signed_commitment')
  text.add('// Key and tag are shown, and that the holder of the key signed what the network reads for this tag.')
  text.add('signal contentCommitment;')
  writeCommitment(text, 'input', header('input', [layout]), packed, salt, 'contentCommitment')
  text.add('component signedContent = SignedCommitment();', 'signedContent.commitment <== contentCommitment;')
  text.add(...SIGNED_SIGNALS.map((name) => `signedContent.${name} <== ${name};`))
  text.add('inputCommitment <== signedContent.out;')
}

/** The statement's own signal. */
function writeResult(
  text: CircomText,
  gadgets: Set<string>,
  program: IntegerProgram,
  visibility: CircuitOptions['output'],
): void {
  text.add('')
  if (visibility === 'private') {
    text.add('// The output stays private.', 'result <== 0;')
    return
  }
  const salt = visibility === 'committed' ? 'outputSalt' : '0'
  if (program.output.kind === 'logits-commitment') {
    const layout = scoresLayout(program)
    gadgets.add('packing').add('commitment')
    text.add(`component scorePacked = RangedPack(${layout.count}, ${layout.bits});`)
    text.loops([['i', layout.count]], () =>
      text.add(`scorePacked.in[i] <== network.score[i] - ${literal(layout.min)};`),
    )
    const packed = [{ name: 'scorePacked', elements: Math.ceil(layout.count / valuesPerElement(layout.bits)) }]
    // In the domain of inputs: the next network takes them in under this very commitment.
    writeCommitment(text, 'output', header('input', [layout]), packed, salt, 'result')
    return
  }
  const value = writePlainResult(text, gadgets, program)
  if (visibility === 'public') {
    text.add(`result <== ${value};`)
    return
  }
  gadgets.add('commitment')
  text.add(
    `component outputHash = Commitment(${header('output', [RESULT_LAYOUT])}, 1);`,
    'outputHash.salt <== outputSalt;',
    `outputHash.in[0] <== ${value};`,
    'result <== outputHash.out;',
  )
}

/** Adds the gadgets of the output and gives the expression of its value. */
function writePlainResult(text: CircomText, gadgets: Set<string>, program: IntegerProgram): string {
  const { output } = program
  const { shape, bounds } = tensorOf(program, program.scores)
  const count = elementCount(shape)
  switch (output.kind) {
    case 'label':
    case 'margin': {
      const gadget = output.kind === 'label' ? 'ArgMax' : 'Margin'
      gadgets.add(gadget.toLowerCase())
      text.add(`component answer = ${gadget}(${count}, ${differenceBits(bounds)});`)
      text.loops([['i', count]], () => text.add('answer.score[i] <== network.score[i];'))
      return output.kind === 'label' ? 'answer.index' : 'answer.index + answer.margin * (1 << 16)'
    }
    case 'score': {
      gadgets.add('threshold')
      const { threshold, index } = output
      const bits = signedBits({ min: bounds.min - threshold, max: bounds.max - threshold })
      text.add(`component answer = AtLeast(${literal(threshold)}, ${bits});`, `answer.in <== network.score[${index}];`)
      return 'answer.out'
    }
    case 'value':
    case 'logits-commitment':
      return 'network.score[0]'
  }
}

/** Feeds packed elements, one list after the other, into a commitment, and assigns `target`. */
export function writeCommitment(
  text: CircomText,
  name: string,
  headerValue: bigint,
  packed: readonly { readonly name: string; readonly elements: number }[],
  salt: string,
  target: string,
): void {
  const total = packed.reduce((sum, { elements }) => sum + elements, 0)
  if (total === 0) {
    text.add(
      `component ${name}Hash = CommitmentToNothing(${headerValue});`,
      `${name}Hash.salt <== ${salt};`,
      `${target} <== ${name}Hash.out;`,
    )
    return
  }
  text.add(`component ${name}Hash = Commitment(${headerValue}, ${total});`, `${name}Hash.salt <== ${salt};`)
  let offset = 0
  for (const { name: source, elements } of packed) {
    text.loops([['i', elements]], () => text.add(`${name}Hash.in[${offset} + i] <== ${source}.out[i];`))
    offset += elements
  }
  text.add(`${target} <== ${name}Hash.out;`)
}

/** Names come from model files; in a comment they must not end the line. */
function printable(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, 80)
}
