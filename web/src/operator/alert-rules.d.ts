// SPDX-License-Identifier: GPL-3.0-or-later
// Made by vite.config.ts from deploy/monitoring/rules.yml.
declare module 'virtual:alert-rules' {
  /** The rules, as JSON. */
  export const rules: readonly import('./alerts.ts').Rule[]
}
