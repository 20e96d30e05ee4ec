// SPDX-License-Identifier: GPL-3.0-or-later
// `cohort service strategy`: puts a module, by its hash, into a manifest in place of the built-in strategy.
import { existsSync } from 'node:fs'
import process from 'node:process'
import type { Command } from 'commander'
import { UsageError } from './failure.ts'
import { replaceFile } from './learning-options.ts'
import { manifestOf } from './manifest-option.ts'

type Options = { readonly module: string; readonly settings: string; readonly out: string; readonly force?: boolean }

export function registerServiceStrategy(service: Command): void {
  service
    .command('strategy')
    .description('make a manifest with a module of your own, which computes the next model from the mean')
    .argument('<manifest>', 'a file, or the name of an example')
    .requiredOption('--module <file>', 'the strategy’s module; strategies/ has some')
    .option('--settings <json>', 'settings for the module', '{}')
    .requiredOption('--out <file>', 'file for the manifest')
    .option('--force', 'replace an existing file')
    .action(run)
}

async function run(text: string, options: Options): Promise<void> {
  const { module: file, out, force } = options
  if (existsSync(out) && force !== true) throw new UsageError(`${out} is there: add --force, or choose another --out`)
  const room = await import('../learning/index.ts')
  const versions = await import('../versions/index.ts')
  const { decodeManifest, encodeManifest, manifestDigest, openManifest } = versions
  const { strategy: _before, ...manifest } = await manifestOf(text, 'manifest')
  const source = room.readStrategy(file)
  const sha256 = room.strategyHash(source)
  const { strategy: _builtIn, ...rounds } = manifest.rounds
  const bytes = encodeManifest({
    ...manifest,
    rounds,
    strategy: { sha256, settings: settingsOf(options.settings, room.parseJson) },
  })
  const made = decodeManifest(bytes, out)
  const { spec } = await openManifest(made, out)
  // Refuses settings that the module does not take.
  const module_ = new room.StrategyModule(source, made.strategy!, spec.parameters, file)
  const wrong = versions.contradictionInModule(module_, made.rounds)
  if (wrong !== null) throw new UsageError(`--module ${file}: ${wrong}`)
  await replaceFile(out, bytes)
  const home = module_.home.length === 0 ? '' : `\nstays at home  ${module_.home.join(', ')}`
  process.stdout.write(`strategy       ${sha256}${home}\ndigest         ${manifestDigest(made)}\n`)
}

function settingsOf(text: string, parseJson: (text: string) => unknown): Record<string, never> {
  try {
    const value = parseJson(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, never>
  } catch (cause) {
    throw new UsageError(`--settings takes a JSON object: ${(cause as Error).message.split('\n')[0]}`)
  }
  throw new UsageError(`--settings takes a JSON object, not ${text}`)
}
