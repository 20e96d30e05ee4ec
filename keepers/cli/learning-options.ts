// SPDX-License-Identifier: GPL-3.0-or-later
// Shared by `cohort learning` and `cohort simulate`: numbers, models, progress, exit codes.
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import process from 'node:process'
import { InvalidArgumentError } from 'commander'
import type { Dataset, ModelSpec } from '../learning/index.ts'

export function wholeNumber(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (!Number.isSafeInteger(value) || value < least) {
      throw new InvalidArgumentError(`expected a whole number of at least ${least}`)
    }
    return value
  }
}

/** Parses a number from `least` to `most`, both included. */
export function numberBetween(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (text.trim() === '' || !(value >= least && value <= most)) {
      throw new InvalidArgumentError(`expected a number from ${least} to ${most}`)
    }
    return value
  }
}

/** A model by name, fitted to the data, or the architecture of a model directory or of a service's manifest (a .json file). */
export async function chooseSpec(model: string, data: Dataset): Promise<ModelSpec> {
  const { isModelName, loadModel, modelSpec, MODEL_NAMES, LearningError } = await import('../learning/index.ts')
  if (isModelName(model)) return modelSpec(model, { inputShape: data.inputShape, classes: data.classes })
  if (model.endsWith('.json')) {
    const { openManifest, readManifestFile } = await import('../versions/index.ts')
    return (await openManifest(readManifestFile(model), model)).spec
  }
  try {
    return (await loadModel(model)).spec
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new LearningError(
      'BAD_MODEL',
      `${model} is neither one of ${MODEL_NAMES.join(', ')} nor a model directory, nor a manifest (.json): ${why}`,
    )
  }
}

/** A line on stderr that rewrites itself on a terminal, and elsewhere shows only `lasting` text. */
export class ProgressLine {
  readonly #tty = process.stderr.isTTY === true
  #shown = false

  update(text: string): void {
    if (!this.#tty) return
    process.stderr.write(`\r\x1b[K${text.slice(0, (process.stderr.columns ?? 100) - 1)}`)
    this.#shown = true
  }

  lasting(text: string): void {
    this.clear()
    process.stderr.write(`${text}\n`)
  }

  clear(): void {
    if (this.#shown) process.stderr.write('\r\x1b[K')
    this.#shown = false
  }
}

export function bar(share: number): string {
  const full = Math.round(24 * Math.min(1, Math.max(0, share)))
  return `[${'#'.repeat(full)}${'.'.repeat(24 - full)}]`
}

/** Writes a file whole or not at all. */
export async function replaceFile(file: string, content: string | Uint8Array): Promise<void> {
  await mkdir(dirname(file), { recursive: true })
  const temporary = `${file}.part`
  try {
    await writeFile(temporary, content)
    await rename(temporary, file)
  } catch (error) {
    await rm(temporary, { force: true })
    // Node does not say which file it could not write.
    if (error instanceof Error && 'syscall' in error && !('path' in error)) error.message += ` '${file}'`
    throw error
  }
}
