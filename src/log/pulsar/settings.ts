/** How to reach a Pulsar cluster, and whose topics are meant. */
export interface PulsarSettings {
  /** `pulsar://host:6650` or `pulsar+ssl://host:6651`; several hosts are separated by commas. */
  readonly serviceUrl: string;
  /** The brokers' REST interface: `http://host:8080` or `https://host:8443`. */
  readonly adminUrl: string;
  readonly tenant: string;
  readonly namespace: string;
  /** Which of the brokers' advertised listeners to use, in a cluster that has several. */
  readonly listener: string | null;
  /** A token, or a file whose content is read anew for each connection. */
  readonly token: { readonly value: string } | { readonly file: string } | null;
  readonly tls: {
    /** Authorities to trust in place of the system's. */
    readonly caFile?: string;
    /** The client's own certificate and key, for mutual TLS. */
    readonly certFile?: string;
    readonly keyFile?: string;
  };
}

/** A cluster that asks for neither credentials nor TLS: one that a demonstration, a benchmark or a test starts. */
export const plainCluster = (
  { serviceUrl, adminUrl }: Pick<PulsarSettings, 'serviceUrl' | 'adminUrl'>,
  namespace: string,
): PulsarSettings => ({
  ...{ serviceUrl, adminUrl, tenant: 'lb-conn', namespace },
  ...{ listener: null, token: null, tls: {} },
});

export const topicUrl = ({ tenant, namespace }: PulsarSettings, topic: string): string =>
  `persistent://${tenant}/${namespace}/${topic}`;
