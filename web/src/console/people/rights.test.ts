import { expect, test } from 'vitest';
import type { UserRole } from '../../net/api.d.ts';
import { deeds } from './rights.ts';

const may = (role: UserRole, of: UserRole, more: { is_banned?: boolean; erased_at?: string; id?: string } = {}) =>
  [...deeds({ id: '1', role }, { id: '2', role: of, is_banned: false, ...more })].sort();

const ALL = ['ban', 'erase', 'premium', 'quota', 'reliability', 'role', 'sessions'];

test('a moderator bans users, and nobody of the staff', () => {
  expect(may('moderator', 'user')).toEqual(['ban', 'reliability']);
  expect(may('moderator', 'user', { is_banned: true })).toEqual(['reliability', 'unban']);
  expect(may('moderator', 'moderator')).toEqual([]);
  expect(may('moderator', 'admin', { is_banned: true })).toEqual([]);
});

test('an admin does everything but against an admin', () => {
  expect(may('admin', 'user')).toEqual(ALL);
  expect(may('admin', 'moderator')).toEqual(ALL);
  expect(may('admin', 'admin')).toEqual(ALL.filter((deed) => deed !== 'ban' && deed !== 'erase'));
});

test('reports can ban an admin, and then another one lifts it', () => {
  expect(may('admin', 'admin', { is_banned: true })).toContain('unban');
});

test('nobody does anything to themselves', () => {
  for (const role of ['moderator', 'admin'] as const) expect(may(role, role, { id: '1' })).toEqual([]);
});

test('an erased account can be banned, and nothing is left to end, give or erase', () => {
  expect(may('admin', 'user', { erased_at: '2026-01-01T00:00:00Z' })).toEqual(['ban', 'reliability']);
});
