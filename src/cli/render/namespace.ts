/** Whose a namespace is, as text and as JSON. */
import type { NamespaceMark } from '../../codec/namespaceMark.ts';
import { iso, timeText } from '../../format.ts';
import type { NamespaceOwner } from '../../operate/namespace.ts';

export const ownerJson = ({ namespace, mark, own }: NamespaceOwner) => ({ namespace, owner: markJson(mark), own });

export const ownerText = ({ namespace, mark, own }: NamespaceOwner): string[] => [
  `${namespace} ${markText(mark)}${own ? ': this one' : ''}`,
];

export const takenOverJson = ({ namespace, mark }: NamespaceOwner) => ({ namespace, owner: markJson(mark) });

export const takenOverText = ({ namespace, mark }: NamespaceOwner): string[] => [
  `${namespace} ${markText(mark)}: this one. balde start goes on from here.`,
];

const markJson = (mark: NamespaceMark | null) =>
  mark === null ? null : { installation: mark.installation, database: mark.description, since: iso(mark.at) };

const markText = (mark: NamespaceMark | null): string =>
  mark === null
    ? 'belongs to nobody yet: the first balde migrate or start makes it its own'
    : `belongs to ${mark.description}, installation ${mark.installation}, since ${timeText(mark.at)}`;
