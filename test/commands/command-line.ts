// SPDX-License-Identifier: GPL-3.0-or-later
// `cohort` as a user runs it: its exit code, what it prints where. And a small model to run it on.
import { execFile } from 'node:child_process'
import { resolve } from 'node:path'
import { initialWeights, parseModelSpec, saveModel } from '../../keepers/learning/index.ts'
import { type Run, runHere } from './run-here.ts'

const CLI = resolve(import.meta.dirname, '../../keepers/cli/main.ts')

const started = new Set<string>()

/** `cohort zkml …args`. */
export function cohort(...args: string[]): Promise<Run> {
  return command('zkml', ...args)
}

/** `cohort …args`. */
export function command(...args: string[]): Promise<Run> {
  return commandIn({}, ...args)
}

/**
 * `cohort …args` with more variables in its environment. The first use of each command, such as `zkml verify`, is a process of its own:
 * only one that ends shows that nothing of the command keeps it alive. The others cost a second less in this process.
 */
export function commandIn(environment: Readonly<Record<string, string>>, ...args: string[]): Promise<Run> {
  const name = args.slice(0, 2).join(' ')
  if (started.has(name)) return runHere(args, environment)
  started.add(name)
  const env = { ...process.env, ...environment }
  return new Promise((done) => {
    execFile(process.execPath, [CLI, ...args], { env }, (error, stdout, stderr) => {
      done({ code: error === null ? 0 : Number(error.code), stdout, stderr })
    })
  })
}

/** The `--json` result of a `cohort zkml` command that must succeed. */
export async function succeed(...args: string[]): Promise<any> {
  return resultOf('zkml', ...args)
}

/** The same of any command. */
export async function resultOf(...args: string[]): Promise<any> {
  const { code, stdout, stderr } = await command(...args, '--json')
  if (code !== 0) throw new Error(`cohort ${args.join(' ')}: ${stderr}`)
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
