// SPDX-License-Identifier: GPL-3.0-or-later
// Runs Slither on contracts/, if it is installed (`pip install slither-analyzer`). triaged.json lists every finding of medium or high
// impact, with the reason why it is accepted. An entry without a finding fails as well.
import { execFile } from 'node:child_process'
import { globSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { z } from 'zod'
import { ROOT } from '../../bootstrap/paths.mjs'

const report = z.object({
  success: z.boolean(),
  error: z.string().nullable(),
  results: z.object({
    detectors: z
      .array(
        z.object({
          check: z.string(),
          impact: z.string(),
          description: z.string(),
          elements: z.array(
            z.object({
              name: z.string(),
              source_mapping: z.object({ filename_relative: z.string() }),
              type_specific_fields: z.object({ parent: z.object({ name: z.string() }) }).partial(),
            }),
          ),
        }),
      )
      .default([]),
  }),
})
/** Findings of one check that are accepted for the same reason, as "folder/File.sol Contract.function". */
const triage = z.array(
  z.strictObject({ check: z.string(), reason: z.string().min(20), findings: z.array(z.string()).min(1) }),
)

const found = await findings()
if (found === null) {
  process.stdout.write('skipped: slither is not installed (pip install slither-analyzer)\n')
} else {
  const groups = triage.parse(JSON.parse(await readFile(join(import.meta.dirname, 'triaged.json'), 'utf8')))
  const triaged = new Set(groups.flatMap(({ check, findings }) => findings.map((finding) => `${check} ${finding}`)))
  const untriaged = [...found].filter(([key]) => !triaged.has(key))
  const stale = [...triaged].filter((key) => !found.has(key))
  for (const [key, description] of untriaged) process.stdout.write(`not triaged: ${key}\n${description}\n`)
  for (const reason of stale) process.stdout.write(`triaged, but not found any more: ${reason}\n`)
  process.stdout.write(`${found.size} findings, ${untriaged.length} not triaged, ${stale.length} triaged in vain\n`)
  process.exitCode = untriaged.length + stale.length > 0 ? 1 : 0
}

/** Findings of medium and high impact by "check folder/File.sol Contract.function"; null where slither is not installed. */
async function findings(): Promise<Map<string, string> | null> {
  const folder = await mkdtemp(join(tmpdir(), 'cohort-slither-'))
  try {
    const sources = globSync('contracts/**/*.sol', { cwd: ROOT }).filter((path) => !path.includes('examples'))
    const imports = sources.sort().map((path) => `import ${JSON.stringify(path)};\n`)
    await writeFile(
      join(folder, 'all.sol'),
      `// SPDX-License-Identifier: MIT\npragma solidity ^0.8.28;\n${imports.join('')}`,
    )
    const out = join(folder, 'report.json')
    const compiler = ['--solc-standard-json', '--solc', join(import.meta.dirname, 'solc.mjs')]
    const scope = [
      '--exclude-low',
      '--exclude-informational',
      '--exclude-optimization',
      '--filter-paths',
      'openzeppelin',
    ]
    try {
      await promisify(execFile)('slither', [folder, ...compiler, ...scope, '--json', out], {
        cwd: ROOT,
        maxBuffer: 2 ** 28,
      })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
      // It ends with its own code when it found something; only the report counts.
    }
    const { success, error, results } = report.parse(JSON.parse(await readFile(out, 'utf8')))
    if (!success) throw new Error(`slither failed: ${error}`)
    return new Map(
      results.detectors.map(({ check, description, elements }) => {
        const [first] = elements
        const parent = first?.type_specific_fields.parent?.name
        const file = first?.source_mapping.filename_relative ?? ''
        return [`${check} ${file} ${parent === undefined ? '' : `${parent}.`}${first?.name ?? ''}`, description]
      }),
    )
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
