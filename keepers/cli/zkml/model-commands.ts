// SPDX-License-Identifier: GPL-3.0-or-later
// table, compile.
import { access, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import {
  buildWithPlan,
  checkFolder,
  chooseSystem,
  compileFolder,
  folderPaths,
  formatProgramTable,
  type Graph,
  InferenceError,
  type InputVisibility,
  type IntegerProgram,
  importModelFile,
  type ProofSystem,
  planFromJson,
  planToJson,
  programFromJson,
  programTable,
  readFolderKey,
  type Simplification,
  statesItsKey,
  type Visibility,
} from '../../zkml/index.ts'
import { circuitLines } from './circuit-lines.ts'
import { badData, usage, withTerminal } from './terminal.ts'
import { type Shown, visibilityOf } from './visibility.ts'

/** How to read an ONNX file: lengths of its symbolic dimensions, and the output to compute. */
export type ModelOptions = { readonly dim: Readonly<Record<string, number>>; readonly take?: string }

export async function tableCommand(
  modelPath: string,
  options: {
    readonly plan?: string
    readonly dim: ModelOptions['dim']
    readonly take?: string
    readonly input: Shown<InputVisibility>
    readonly output: Shown<Visibility>
    readonly json?: boolean
  },
): Promise<void> {
  await withTerminal(options, async (terminal) => {
    const program = await readProgram(modelPath, options.plan, options)
    const cost = {
      input: visibilityOf(program, 'inputs', options.input),
      output: visibilityOf(program, 'outputs', options.output),
    }
    const { system, lookup } = chooseSystem(program, cost)
    const text = formatProgramTable(program, cost)
    terminal.result(
      { ...programTable(program, cost), system, lookup },
      lookup === null ? text : `${text}\nwith lookups  ${lookup.constraints.toLocaleString('en-US')}`,
    )
  })
}

type CompileOptions = {
  readonly plan: string
  readonly dim: ModelOptions['dim']
  readonly take?: string
  readonly out: string
  readonly input: Shown<InputVisibility>
  readonly output: Shown<Visibility>
  readonly system?: ProofSystem
  readonly simplification: Simplification
  readonly modelSalt?: string
  readonly json?: boolean
}

export async function compileCommand(modelPath: string, options: CompileOptions): Promise<void> {
  await withTerminal(options, async (terminal) => {
    const { program, clipping, plan } = await readPlannedModel(modelPath, options.plan, options)
    const shown = {
      input: visibilityOf(program, 'inputs', options.input),
      output: visibilityOf(program, 'outputs', options.output),
    }
    const choice = options.system === undefined ? chooseSystem(program, shown) : null
    const system = options.system ?? choice!.system
    terminal.progress(`compiling the circuit for ${system}; seconds to a minute`)
    const { manifest } = await compileFolder({
      folder: options.out,
      program,
      plan: planToJson(plan),
      options: shown,
      system,
      simplification: options.simplification,
      signal: terminal.signal,
      ...(options.modelSalt === undefined ? {} : { modelSalt: await readSaltFile(options.modelSalt) }),
    })
    const clipped = clipping.map(
      ({ layer, role, clipped: count, of }) => `${layer} ${role}: ${count} of ${of} weights clipped`,
    )
    const why = choice === null ? 'as asked' : choice.reason
    terminal.result(
      { ...manifest, systemReason: why, clipping },
      [...circuitLines(options.out, manifest, why), ...clipped].join('\n'),
    )
  })
}

export async function checkCommand(path: string, options: { readonly json?: boolean }): Promise<void> {
  await withTerminal(options, async (terminal) => {
    terminal.progress('writing the circuit anew; seconds to a minute')
    const folder = await checkFolder(path, terminal.signal)
    const { manifest } = folder
    const hasKey = await access(folderPaths(path).zkey).then(
      () => true,
      () => false,
    )
    const found = hasKey ? await readFolderKey(folder) : null
    const metadata = found?.metadata ?? null
    if (found !== null && !(await statesItsKey(path, found.key))) {
      throw new InferenceError(
        'folder-mismatch',
        `${folderPaths(path).verificationKey} is not of the proving key: remove it, and run the set-up again`,
      )
    }
    const key = metadata === null ? 'none yet' : `of this circuit, set-up ${metadata.setup}`
    terminal.result(
      { ...manifest, setup: metadata?.setup ?? null },
      [
        ...circuitLines(path, manifest),
        'the circuit is that of its program, written anew',
        `key               ${key}`,
      ].join('\n'),
    )
  })
}

/** An ONNX file, or a tfjs model: its folder or its model.json. */
export async function readModel(path: string, { dim: dimensions, take }: ModelOptions): Promise<Graph> {
  const file = (await stat(path)).isDirectory() ? join(path, 'model.json') : path
  return importModelFile(file, { dimensions, ...(take === undefined ? {} : { output: take }) })
}

/** A model, quantised by its plan. */
export async function readPlannedModel(path: string, planPath: string, options: ModelOptions) {
  const plan = planFromJson(await readFile(planPath, 'utf8'))
  return { ...buildWithPlan(await readModel(path, options), plan), plan }
}

async function readProgram(path: string, planPath: string | undefined, options: ModelOptions): Promise<IntegerProgram> {
  if (planPath !== undefined) return (await readPlannedModel(path, planPath, options)).program
  const file = (await stat(path)).isDirectory() ? folderPaths(path).program : path
  if (!file.endsWith('.json')) throw usage(`${path} is not a compiled folder; give the model’s plan with --plan`)
  return programFromJson(await readFile(file, 'utf8'))
}

export async function readSaltFile(path: string): Promise<bigint> {
  const text = (await readFile(path, 'utf8')).trim()
  if (!/^0x[0-9a-fA-F]{32,64}$/.test(text)) throw badData(`${path} holds no 0x… salt of 128 bits or more`)
  return BigInt(text)
}
