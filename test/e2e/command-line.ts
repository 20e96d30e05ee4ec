// SPDX-License-Identifier: GPL-3.0-or-later
// `cohort zkml` as a user runs it: a process of its own, its exit code, what it prints where. And a small model to run it on.
import { execFile } from 'node:child_process'
import { resolve } from 'node:path'
import { initialWeights, parseModelSpec, saveModel } from '../../keepers/learning/index.ts'

const CLI = resolve(import.meta.dirname, '../../keepers/cli/main.ts')

export type Run = { readonly code: number; readonly stdout: string; readonly stderr: string }

export function cohort(...args: string[]): Promise<Run> {
  return new Promise((done) => {
    execFile(process.execPath, [CLI, 'zkml', ...args], (error, stdout, stderr) => {
      done({ code: error === null ? 0 : Number(error.code), stdout, stderr })
    })
  })
}

/** The `--json` result of a command that must succeed. */
export async function succeed(...args: string[]): Promise<any> {
  const { code, stdout, stderr } = await cohort(...args, '--json')
  if (code !== 0) throw new Error(`cohort zkml ${args.join(' ')}: ${stderr}`)
  return JSON.parse(stdout)
}

/** A perceptron with seeded weights and ReLUs between its layers, saved as a tfjs model. */
export async function savePerceptron(
  folder: string,
  [inputs, ...units]: readonly number[],
  seed: number,
): Promise<void> {
  const layers = units.map((width, i) => ({
    class_name: 'Dense',
    config: {
      name: `dense${i + 1}`,
      units: width,
      activation: i === units.length - 1 ? 'softmax' : 'relu',
      use_bias: true,
      trainable: true,
      ...(i === 0 ? { batch_input_shape: [null, inputs] } : {}),
    },
  }))
  const spec = await parseModelSpec({ modelTopology: { class_name: 'Sequential', config: { name: 'tiny', layers } } })
  await saveModel({ spec, weights: initialWeights(spec, seed) }, folder)
}
