/*
 * The C functions of libpulsar 4.2.0 that the npm package pulsar-client 1.18.0 calls (157 of them), with the types they
 * take. Only what the library's binary interface requires is stated: see libpulsar.h for where the facts come from.
 *
 * Memory: pulsar_message_id_serialize and pulsar_message_id_str return malloc'd memory that the caller frees with free().
 * A token supplier returns malloc'd memory that the library frees. pulsar_message_id_earliest and
 * pulsar_message_id_latest return constants that nobody frees.
 */
#ifndef BALDE_LIBPULSAR_C_H
#define BALDE_LIBPULSAR_C_H

#include <cstddef>
#include <cstdint>

extern "C" {

/* ---- Handles. The addon itself defines the struct of some of them, with members of the C++ types in libpulsar.h. ---- */

typedef struct _pulsar_authentication pulsar_authentication_t;
typedef struct _pulsar_client pulsar_client_t;
typedef struct _pulsar_client_configuration pulsar_client_configuration_t;
typedef struct _pulsar_consumer pulsar_consumer_t;
typedef struct _pulsar_consumer_configuration pulsar_consumer_configuration_t;
typedef struct _pulsar_message pulsar_message_t;
typedef struct _pulsar_message_id pulsar_message_id_t;
typedef struct _pulsar_messages pulsar_messages_t;
typedef struct _pulsar_producer pulsar_producer_t;
typedef struct _pulsar_producer_configuration pulsar_producer_configuration_t;
typedef struct _pulsar_reader pulsar_reader_t;
typedef struct _pulsar_reader_configuration pulsar_reader_configuration_t;
typedef struct _pulsar_string_list pulsar_string_list_t;
typedef struct _pulsar_string_map pulsar_string_map_t;
typedef struct _pulsar_topic_metadata pulsar_topic_metadata_t;

/* ---- Enumerations: plain C ones of 4 bytes, numbered from 0 in the order of the library. ---- */

/* Every value but 0 goes straight to pulsar_result_str. The type is fixed because -1 occurs. */
typedef enum : int { pulsar_result_Ok = 0 } pulsar_result;

typedef enum { pulsar_DEBUG, pulsar_INFO, pulsar_WARN, pulsar_ERROR } pulsar_logger_level_t;

typedef enum {
  pulsar_UseSinglePartition,
  pulsar_RoundRobinDistribution,
  pulsar_CustomPartition
} pulsar_partitions_routing_mode;

typedef enum { pulsar_Murmur3_32Hash, pulsar_BoostHash, pulsar_JavaStringHash } pulsar_hashing_scheme;

typedef enum {
  pulsar_CompressionNone,
  pulsar_CompressionLZ4,
  pulsar_CompressionZLib,
  pulsar_CompressionZSTD,
  pulsar_CompressionSNAPPY
} pulsar_compression_type;

typedef enum { pulsar_ProducerFail, pulsar_ProducerSend } pulsar_producer_crypto_failure_action;

typedef enum {
  pulsar_ProducerAccessModeShared,
  pulsar_ProducerAccessModeExclusive,
  pulsar_ProducerAccessModeWaitForExclusive,
  pulsar_ProducerAccessModeExclusiveWithFencing
} pulsar_producer_access_mode;

typedef enum {
  pulsar_ConsumerExclusive,
  pulsar_ConsumerShared,
  pulsar_ConsumerFailover,
  pulsar_ConsumerKeyShared
} pulsar_consumer_type;

typedef enum { initial_position_latest, initial_position_earliest } initial_position;

typedef enum {
  pulsar_ConsumerFail,
  pulsar_ConsumerDiscard,
  pulsar_ConsumerConsume
} pulsar_consumer_crypto_failure_action;

typedef enum {
  pulsar_consumer_regex_sub_mode_PersistentOnly,
  pulsar_consumer_regex_sub_mode_NonPersistentOnly,
  pulsar_consumer_regex_sub_mode_AllTopics
} pulsar_consumer_regex_subscription_mode;

/* ---- Structs. ---- */

/* Passed by value (24 bytes). */
typedef struct pulsar_logger_t {
  void *ctx;
  bool (*is_enabled)(pulsar_logger_level_t level, void *ctx);
  void (*log)(pulsar_logger_level_t level, const char *file, int line, const char *message, void *ctx);
} pulsar_logger_t;

/* Passed by pointer; the addon initialises it by position. */
typedef struct {
  int maxNumMessages; /* offset 0 */
  long maxNumBytes;   /* offset 8 */
  long timeoutMs;     /* offset 16 */
} pulsar_consumer_batch_receive_policy_t;

/* Passed by pointer. */
typedef struct {
  const char *dead_letter_topic;         /* offset 0 */
  int max_redeliver_count;               /* offset 8 */
  const char *initial_subscription_name; /* offset 16 */
} pulsar_consumer_config_dead_letter_policy_t;

static_assert(sizeof(pulsar_logger_t) == 24);
static_assert(sizeof(pulsar_consumer_batch_receive_policy_t) == 24);
static_assert(sizeof(pulsar_consumer_config_dead_letter_policy_t) == 24);

/* ---- Callbacks. The first two names are the addon's, the others are this file's own. ---- */

typedef void (*pulsar_message_listener)(pulsar_consumer_t *, pulsar_message_t *, void *);
typedef void (*pulsar_reader_listener)(pulsar_reader_t *, pulsar_message_t *, void *);
typedef void (*balde_result_callback)(pulsar_result, void *);
typedef void (*balde_subscribe_callback)(pulsar_result, pulsar_consumer_t *, void *);

/* ---- Authentication ---- */

pulsar_authentication_t *pulsar_authentication_athenz_create(const char *);
pulsar_authentication_t *pulsar_authentication_basic_create(const char *, const char *);
void pulsar_authentication_free(pulsar_authentication_t *);
pulsar_authentication_t *pulsar_authentication_oauth2_create(const char *);
pulsar_authentication_t *pulsar_authentication_tls_create(const char *, const char *);
pulsar_authentication_t *pulsar_authentication_token_create(const char *);
pulsar_authentication_t *pulsar_authentication_token_create_with_supplier(char *(*)(void *), void *);

/* ---- Client and its configuration ---- */

void pulsar_client_close_async(pulsar_client_t *, balde_result_callback, void *);
pulsar_client_configuration_t *pulsar_client_configuration_create();
void pulsar_client_configuration_free(pulsar_client_configuration_t *);
void pulsar_client_configuration_set_concurrent_lookup_request(pulsar_client_configuration_t *, int);
void pulsar_client_configuration_set_io_threads(pulsar_client_configuration_t *, int);
void pulsar_client_configuration_set_listener_name(pulsar_client_configuration_t *, const char *);
void pulsar_client_configuration_set_logger_t(pulsar_client_configuration_t *, pulsar_logger_t);
void pulsar_client_configuration_set_message_listener_threads(pulsar_client_configuration_t *, int);
void pulsar_client_configuration_set_operation_timeout_seconds(pulsar_client_configuration_t *, int);
void pulsar_client_configuration_set_stats_interval_in_seconds(pulsar_client_configuration_t *, uint32_t);
void pulsar_client_configuration_set_tls_allow_insecure_connection(pulsar_client_configuration_t *, int);
void pulsar_client_configuration_set_tls_certificate_file_path(pulsar_client_configuration_t *, const char *);
void pulsar_client_configuration_set_tls_private_key_file_path(pulsar_client_configuration_t *, const char *);
void pulsar_client_configuration_set_tls_trust_certs_file_path(pulsar_client_configuration_t *, const char *);
void pulsar_client_configuration_set_validate_hostname(pulsar_client_configuration_t *, int);
pulsar_client_t *pulsar_client_create(const char *, const pulsar_client_configuration_t *);
void pulsar_client_create_producer_async(pulsar_client_t *, const char *,
    const pulsar_producer_configuration_t *, void (*)(pulsar_result, pulsar_producer_t *, void *), void *);
void pulsar_client_create_reader_async(pulsar_client_t *, const char *, const pulsar_message_id_t *,
    pulsar_reader_configuration_t *, void (*)(pulsar_result, pulsar_reader_t *, void *), void *);
void pulsar_client_free(pulsar_client_t *);
void pulsar_client_get_topic_partitions_async(pulsar_client_t *, const char *,
    void (*)(pulsar_result, pulsar_string_list_t *, void *), void *);
void pulsar_client_subscribe_async(pulsar_client_t *, const char *, const char *,
    const pulsar_consumer_configuration_t *, balde_subscribe_callback, void *);
void pulsar_client_subscribe_multi_topics_async(pulsar_client_t *, const char **, int, const char *,
    const pulsar_consumer_configuration_t *, balde_subscribe_callback, void *);
void pulsar_client_subscribe_pattern_async(pulsar_client_t *, const char *, const char *,
    const pulsar_consumer_configuration_t *, balde_subscribe_callback, void *);

/* ---- Consumer and its configuration ---- */

void pulsar_configure_set_negative_ack_redelivery_delay_ms(pulsar_consumer_configuration_t *, int64_t);
void pulsar_consumer_acknowledge_async(pulsar_consumer_t *, pulsar_message_t *, balde_result_callback, void *);
void pulsar_consumer_acknowledge_async_id(pulsar_consumer_t *, pulsar_message_id_t *, balde_result_callback,
    void *);
void pulsar_consumer_acknowledge_cumulative_async(pulsar_consumer_t *, pulsar_message_t *,
    balde_result_callback, void *);
void pulsar_consumer_acknowledge_cumulative_async_id(pulsar_consumer_t *, pulsar_message_id_t *,
    balde_result_callback, void *);
void pulsar_consumer_batch_receive_async(pulsar_consumer_t *,
    void (*)(pulsar_result, pulsar_messages_t *, void *), void *);
void pulsar_consumer_close_async(pulsar_consumer_t *, balde_result_callback, void *);
pulsar_consumer_configuration_t *pulsar_consumer_configuration_create();
void pulsar_consumer_configuration_free(pulsar_consumer_configuration_t *);
void pulsar_consumer_configuration_set_auto_ack_oldest_chunked_message_on_queue_full(
    pulsar_consumer_configuration_t *, int);
void pulsar_consumer_configuration_set_batch_index_ack_enabled(pulsar_consumer_configuration_t *, int);
int pulsar_consumer_configuration_set_batch_receive_policy(pulsar_consumer_configuration_t *,
    const pulsar_consumer_batch_receive_policy_t *);
void pulsar_consumer_configuration_set_consumer_type(pulsar_consumer_configuration_t *, pulsar_consumer_type);
void pulsar_consumer_configuration_set_crypto_failure_action(pulsar_consumer_configuration_t *,
    pulsar_consumer_crypto_failure_action);
void pulsar_consumer_configuration_set_default_crypto_key_reader(pulsar_consumer_configuration_t *,
    const char *, const char *);
void pulsar_consumer_configuration_set_dlq_policy(pulsar_consumer_configuration_t *,
    const pulsar_consumer_config_dead_letter_policy_t *);
void pulsar_consumer_configuration_set_max_pending_chunked_message(pulsar_consumer_configuration_t *, int);
void pulsar_consumer_configuration_set_message_listener(pulsar_consumer_configuration_t *,
    void (*)(pulsar_consumer_t *, pulsar_message_t *, void *), void *);
void pulsar_consumer_configuration_set_property(pulsar_consumer_configuration_t *, const char *, const char *);
void pulsar_consumer_configuration_set_receiver_queue_size(pulsar_consumer_configuration_t *, int);
void pulsar_consumer_configuration_set_regex_subscription_mode(pulsar_consumer_configuration_t *,
    pulsar_consumer_regex_subscription_mode);
void pulsar_consumer_free(pulsar_consumer_t *);
const char *pulsar_consumer_get_subscription_name(pulsar_consumer_t *);
const char *pulsar_consumer_get_topic(pulsar_consumer_t *);
int pulsar_consumer_is_connected(pulsar_consumer_t *);
void pulsar_consumer_negative_acknowledge(pulsar_consumer_t *, pulsar_message_t *);
void pulsar_consumer_negative_acknowledge_id(pulsar_consumer_t *, pulsar_message_id_t *);
pulsar_result pulsar_consumer_pause_message_listener(pulsar_consumer_t *);
pulsar_result pulsar_consumer_receive(pulsar_consumer_t *, pulsar_message_t **);
void pulsar_consumer_receive_async(pulsar_consumer_t *, void (*)(pulsar_result, pulsar_message_t *, void *),
    void *);
pulsar_result pulsar_consumer_receive_with_timeout(pulsar_consumer_t *, pulsar_message_t **, int);
void pulsar_consumer_seek_async(pulsar_consumer_t *, pulsar_message_id_t *, balde_result_callback, void *);
void pulsar_consumer_seek_by_timestamp_async(pulsar_consumer_t *, uint64_t, balde_result_callback, void *);
void pulsar_consumer_set_consumer_name(pulsar_consumer_configuration_t *, const char *);
void pulsar_consumer_set_max_total_receiver_queue_size_across_partitions(pulsar_consumer_configuration_t *,
    int);
void pulsar_consumer_set_read_compacted(pulsar_consumer_configuration_t *, int);
void pulsar_consumer_set_subscription_initial_position(pulsar_consumer_configuration_t *, initial_position);
void pulsar_consumer_set_unacked_messages_timeout_ms(pulsar_consumer_configuration_t *, uint64_t);
void pulsar_consumer_unsubscribe_async(pulsar_consumer_t *, balde_result_callback, void *);

/* ---- Message and message id ---- */

void pulsar_message_copy(const pulsar_message_t *, pulsar_message_t *);
pulsar_message_t *pulsar_message_create();
void pulsar_message_disable_replication(pulsar_message_t *, int);
void pulsar_message_free(pulsar_message_t *);
const void *pulsar_message_get_data(pulsar_message_t *);
uint64_t pulsar_message_get_event_timestamp(pulsar_message_t *);
uint32_t pulsar_message_get_length(pulsar_message_t *);
pulsar_message_id_t *pulsar_message_get_message_id(pulsar_message_t *);
const char *pulsar_message_get_orderingKey(pulsar_message_t *);
const char *pulsar_message_get_partitionKey(pulsar_message_t *);
const char *pulsar_message_get_producer_name(pulsar_message_t *);
pulsar_string_map_t *pulsar_message_get_properties(pulsar_message_t *);
uint64_t pulsar_message_get_publish_timestamp(pulsar_message_t *);
int pulsar_message_get_redelivery_count(pulsar_message_t *);
const char *pulsar_message_get_replicated_from(pulsar_message_t *);
const char *pulsar_message_get_topic_name(pulsar_message_t *);
pulsar_message_id_t *pulsar_message_id_deserialize(const void *, uint32_t);
const pulsar_message_id_t *pulsar_message_id_earliest();
void pulsar_message_id_free(pulsar_message_id_t *);
const pulsar_message_id_t *pulsar_message_id_latest();
void *pulsar_message_id_serialize(pulsar_message_id_t *, int *);
char *pulsar_message_id_str(pulsar_message_id_t *);
void pulsar_message_set_content(pulsar_message_t *, const void *, uint64_t);
void pulsar_message_set_deliver_after(pulsar_message_t *, uint64_t);
void pulsar_message_set_deliver_at(pulsar_message_t *, uint64_t);
void pulsar_message_set_event_timestamp(pulsar_message_t *, uint64_t);
void pulsar_message_set_ordering_key(pulsar_message_t *, const char *);
void pulsar_message_set_partition_key(pulsar_message_t *, const char *);
void pulsar_message_set_property(pulsar_message_t *, const char *, const char *);
void pulsar_message_set_replication_clusters(pulsar_message_t *, const char **, uint64_t);
void pulsar_message_set_sequence_id(pulsar_message_t *, int64_t);

/* ---- Batch of received messages ---- */

void pulsar_messages_free(pulsar_messages_t *);
pulsar_message_t *pulsar_messages_get(pulsar_messages_t *, uint64_t);
uint64_t pulsar_messages_size(pulsar_messages_t *);

/* ---- Producer and its configuration ---- */

void pulsar_producer_close_async(pulsar_producer_t *, balde_result_callback, void *);
pulsar_producer_configuration_t *pulsar_producer_configuration_create();
void pulsar_producer_configuration_free(pulsar_producer_configuration_t *);
void pulsar_producer_configuration_set_access_mode(pulsar_producer_configuration_t *,
    pulsar_producer_access_mode);
void pulsar_producer_configuration_set_batching_enabled(pulsar_producer_configuration_t *, int);
void pulsar_producer_configuration_set_batching_max_allowed_size_in_bytes(pulsar_producer_configuration_t *,
    uint64_t);
void pulsar_producer_configuration_set_batching_max_messages(pulsar_producer_configuration_t *, uint32_t);
void pulsar_producer_configuration_set_batching_max_publish_delay_ms(pulsar_producer_configuration_t *,
    uint64_t);
void pulsar_producer_configuration_set_block_if_queue_full(pulsar_producer_configuration_t *, int);
void pulsar_producer_configuration_set_chunking_enabled(pulsar_producer_configuration_t *, int);
void pulsar_producer_configuration_set_compression_type(pulsar_producer_configuration_t *,
    pulsar_compression_type);
void pulsar_producer_configuration_set_crypto_failure_action(pulsar_producer_configuration_t *,
    pulsar_producer_crypto_failure_action);
void pulsar_producer_configuration_set_default_crypto_key_reader(pulsar_producer_configuration_t *,
    const char *, const char *);
void pulsar_producer_configuration_set_encryption_key(pulsar_producer_configuration_t *, const char *);
void pulsar_producer_configuration_set_hashing_scheme(pulsar_producer_configuration_t *, pulsar_hashing_scheme);
void pulsar_producer_configuration_set_initial_sequence_id(pulsar_producer_configuration_t *, int64_t);
void pulsar_producer_configuration_set_max_pending_messages(pulsar_producer_configuration_t *, int);
void pulsar_producer_configuration_set_max_pending_messages_across_partitions(pulsar_producer_configuration_t *,
    int);
void pulsar_producer_configuration_set_message_router(pulsar_producer_configuration_t *,
    int (*)(pulsar_message_t *, pulsar_topic_metadata_t *, void *), void *);
void pulsar_producer_configuration_set_partitions_routing_mode(pulsar_producer_configuration_t *,
    pulsar_partitions_routing_mode);
void pulsar_producer_configuration_set_producer_name(pulsar_producer_configuration_t *, const char *);
void pulsar_producer_configuration_set_property(pulsar_producer_configuration_t *, const char *, const char *);
void pulsar_producer_configuration_set_send_timeout(pulsar_producer_configuration_t *, int);
void pulsar_producer_flush_async(pulsar_producer_t *, balde_result_callback, void *);
void pulsar_producer_free(pulsar_producer_t *);
const char *pulsar_producer_get_producer_name(pulsar_producer_t *);
const char *pulsar_producer_get_topic(pulsar_producer_t *);
int pulsar_producer_is_connected(pulsar_producer_t *);
void pulsar_producer_send_async(pulsar_producer_t *, pulsar_message_t *,
    void (*)(pulsar_result, pulsar_message_id_t *, void *), void *);

/* ---- Reader and its configuration ---- */

void pulsar_reader_close_async(pulsar_reader_t *, balde_result_callback, void *);
pulsar_reader_configuration_t *pulsar_reader_configuration_create();
void pulsar_reader_configuration_free(pulsar_reader_configuration_t *);
void pulsar_reader_configuration_set_crypto_failure_action(pulsar_reader_configuration_t *,
    pulsar_consumer_crypto_failure_action);
void pulsar_reader_configuration_set_default_crypto_key_reader(pulsar_reader_configuration_t *, const char *,
    const char *);
void pulsar_reader_configuration_set_read_compacted(pulsar_reader_configuration_t *, int);
void pulsar_reader_configuration_set_reader_listener(pulsar_reader_configuration_t *,
    void (*)(pulsar_reader_t *, pulsar_message_t *, void *), void *);
void pulsar_reader_configuration_set_reader_name(pulsar_reader_configuration_t *, const char *);
void pulsar_reader_configuration_set_receiver_queue_size(pulsar_reader_configuration_t *, int);
void pulsar_reader_configuration_set_subscription_role_prefix(pulsar_reader_configuration_t *, const char *);
void pulsar_reader_free(pulsar_reader_t *);
pulsar_result pulsar_reader_has_message_available(pulsar_reader_t *, int *);
int pulsar_reader_is_connected(pulsar_reader_t *);
pulsar_result pulsar_reader_read_next(pulsar_reader_t *, pulsar_message_t **);
pulsar_result pulsar_reader_read_next_with_timeout(pulsar_reader_t *, pulsar_message_t **, int);
void pulsar_reader_seek_async(pulsar_reader_t *, pulsar_message_id_t *, balde_result_callback, void *);
void pulsar_reader_seek_by_timestamp_async(pulsar_reader_t *, uint64_t, balde_result_callback, void *);

/* ---- Result ---- */

const char *pulsar_result_str(pulsar_result);

/* ---- Lists and maps of strings ---- */

const char *pulsar_string_list_get(pulsar_string_list_t *, int);
int pulsar_string_list_size(pulsar_string_list_t *);
void pulsar_string_map_free(pulsar_string_map_t *);
const char *pulsar_string_map_get_key(pulsar_string_map_t *, int);
const char *pulsar_string_map_get_value(pulsar_string_map_t *, int);
int pulsar_string_map_size(pulsar_string_map_t *);

/* ---- Topic metadata, given to a message router ---- */

int pulsar_topic_metadata_get_num_partitions(pulsar_topic_metadata_t *);

} /* extern "C" */

#endif
