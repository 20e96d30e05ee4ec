// SPDX-License-Identifier: GPL-3.0-or-later
// Peers from circuits/naive, compiled and counted: the same small CNN as one writes it first, and a last layer alone.
import { mkdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { compileCircuit, importModelFile } from '../../../keepers/zkml/index.ts'
import { parseR1cs } from '../../../keepers/zkml/setup/r1cs.ts'
import { ROOT } from '../../bootstrap/paths.mjs'
import { CACHE } from './networks.ts'

const SHIFT = 8

/** Constraints of a CNN of (convolution, 2×2 pooling, ReLU) blocks and one dense layer, with the naive gadgets. */
export async function naiveCnnConstraints(modelFolder: string): Promise<number> {
  const graph = await importModelFile(join(modelFolder, 'model.json'))
  const convolutions = graph.nodes.filter((node) => node.op === 'conv2d')
  const dense = graph.nodes.find((node) => node.op === 'dense')
  if (dense === undefined || convolutions.length === 0) throw new Error('the naive circuit is a CNN with a dense layer')
  let [height, width, channels] = graph.shapes.get(graph.input.name) as [number, number, number]
  const body = [`signal input x[${height * width * channels}];`]
  let value = 'x'
  for (const [i, { weights }] of convolutions.entries()) {
    const [k, , cin, cout] = weights.shape as [number, number, number, number]
    const row = width - k + 1
    const [oh, ow] = [(height - k + 1) / 2, row / 2]
    body.push(
      `signal input w${i}[${k * k * cin * cout}];`,
      `signal input b${i}[${cout}];`,
      `component conv${i} = NaiveConv2d(${height}, ${width}, ${cin}, ${cout}, ${k}, 1, ${SHIFT});`,
      `conv${i}.x <== ${value};`,
      `conv${i}.weight <== w${i};`,
      `conv${i}.bias <== b${i};`,
      `component relu${i}[${oh * ow * cout}];`,
      `signal a${i}[${oh * ow * cout}];`,
      `for (var y = 0; y < ${oh}; y++) for (var z = 0; z < ${ow}; z++) for (var o = 0; o < ${cout}; o++) {`,
      `  var at = (y * ${ow} + z) * ${cout} + o;`,
      `  var corner = (2 * y * ${row} + 2 * z) * ${cout} + o;`,
      `  relu${i}[at] = NaiveRelu();`,
      `  relu${i}[at].in <== conv${i}.out[corner] + conv${i}.out[corner + ${cout}]`,
      `    + conv${i}.out[corner + ${row * cout}] + conv${i}.out[corner + ${(row + 1) * cout}];`,
      `  a${i}[at] <== relu${i}[at].out;`,
      '}',
    )
    value = `a${i}`
    ;[height, width, channels] = [oh, ow, cout]
  }
  const [inputs, outputs] = [height * width * channels, dense.weights.shape[1]!]
  body.push(
    `signal input w[${inputs * outputs}];`,
    `signal input b[${outputs}];`,
    'signal output label;',
    `component dense = NaiveDense(${inputs}, ${outputs}, ${SHIFT});`,
    `dense.x <== ${value};`,
    'dense.weight <== w;',
    'dense.bias <== b;',
    `component argmax = NaiveArgMax(${outputs});`,
    'argmax.in <== dense.out;',
    'label <== argmax.out;',
  )
  const source = `include "circomlib_ml_style.circom";\ntemplate Main() {\n${body.join('\n')}\n}\ncomponent main = Main();\n`
  return countConstraints('naive-cnn', source)
}

/** zkMNIST's statement, proven with our own naive gadgets. */
export function naiveLastLayerConstraints(inputs: number, outputs: number): Promise<number> {
  return countConstraints(
    'naive-last-layer',
    `include "last_layer.circom";\ncomponent main = LastLayer(${inputs}, ${outputs});\n`,
  )
}

async function countConstraints(name: string, body: string): Promise<number> {
  const directory = join(CACHE, name)
  await mkdir(directory, { recursive: true })
  const source = `pragma circom 2.2.0;\n${body}`
  const { r1cs } = await compileCircuit(source, { directory, name, libraries: [join(ROOT, 'circuits', 'naive')] })
  const { constraints } = parseR1cs(await readFile(r1cs)).header
  await rm(directory, { recursive: true, force: true })
  return constraints
}
