/*
 * Declarations of the part of libpulsar 4.2.0 that the npm package pulsar-client 1.18.0 uses.
 *
 * The Python wheel pulsar-client 3.13.0 brings the library but no headers. This file states, in its own words, what the
 * library's binary interface requires of a caller: names, signatures, sizes, member offsets and the order of virtual
 * functions. It is not a general header: members that the addon never calls are left out, and a class is only as
 * complete as the addon needs it.
 *
 * Where each fact comes from:
 *   "exported"  the signature is that of a symbol exported by libpulsar 4.2.0;
 *   "layout"    sizes and offsets as the exported functions of libpulsar 4.2.0 read and write them;
 *   "addon"     the name is one that the sources of pulsar-client 1.18.0 use.
 * The static_asserts hold for Linux with 64-bit long and libstdc++ with the C++11 ABI (std::__cxx11).
 */
#ifndef BALDE_LIBPULSAR_H
#define BALDE_LIBPULSAR_H

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "libpulsar_c.h"

static_assert(sizeof(long) == 8 && sizeof(void *) == 8, "libpulsar's wheels for Linux are 64-bit");
static_assert(sizeof(std::string) == 32, "libpulsar 4.2.0 is built with the C++11 ABI of libstdc++");

/* Keeps the table of dynamic symbols like that of a build on the official headers, despite -fvisibility=hidden. */
#pragma GCC visibility push(default)

namespace pulsar {

// ---- Enumerations. The underlying type matters: values are passed and returned in one byte (exported, layout). ----

// addon: compares with these two, and writes Result::ResultOk, which an unscoped enumeration allows.
enum Result : int8_t { ResultOk = 0, ResultCryptoError = 34 };

// addon: casts the protocol's numbers to this type and needs no name.
enum SchemaType : int8_t {};

enum KeySharedMode : uint8_t { AUTO_SPLIT = 0, STICKY = 1 };

enum CompressionType : uint8_t {
  CompressionNone = 0,
  CompressionLZ4 = 1,
  CompressionZLib = 2,
  CompressionZSTD = 3,
  CompressionSNAPPY = 4
};

// ---- Handles. Each holds exactly one shared pointer to a type that only the library knows (layout: 16 bytes). ----

class Authentication;  // never complete here
using AuthenticationPtr = std::shared_ptr<Authentication>;

class AuthFactory {
 public:
  static AuthenticationPtr Disabled();  // exported
};

class SchemaInfo {
 public:
  SchemaInfo(SchemaType type, const std::string &name, const std::string &schema,
             const std::map<std::string, std::string> &properties);  // exported

 private:
  std::shared_ptr<class SchemaInfoImpl> impl_;
};
static_assert(sizeof(SchemaInfo) == 16);

using StringMap = std::map<std::string, std::string>;

class EncryptionKeyInfo {
 public:
  void setKey(const std::string &key);      // exported
  void setMetadata(StringMap &metadata);    // exported: the reference is not const

 private:
  std::shared_ptr<class EncryptionKeyInfoImpl> impl_;
};
static_assert(sizeof(EncryptionKeyInfo) == 16);

using StickyRanges = std::vector<std::pair<int, int>>;

class KeySharedPolicy {
 public:
  KeySharedPolicy();   // exported
  ~KeySharedPolicy();  // exported

  KeySharedPolicy &setKeySharedMode(KeySharedMode mode);                // exported
  KeySharedPolicy &setAllowOutOfOrderDelivery(bool allow);              // exported
  KeySharedPolicy &setStickyRanges(const StickyRanges &ranges);         // exported

 private:
  std::shared_ptr<class KeySharedPolicyImpl> impl_;
};
static_assert(sizeof(KeySharedPolicy) == 16);

// ---- Key reader: the addon derives from it, so the order of the virtual functions is part of the interface. ----

class CryptoKeyReader {
 public:
  CryptoKeyReader();           // exported
  virtual ~CryptoKeyReader();  // exported; slots 0 and 1. Not inline, so that the vtable stays in the library.

  virtual Result getPublicKey(const std::string &keyName, StringMap &metadata,
                              EncryptionKeyInfo &keyInfo) const = 0;  // slot 2
  virtual Result getPrivateKey(const std::string &keyName, StringMap &metadata,
                               EncryptionKeyInfo &keyInfo) const = 0;  // slot 3
};
static_assert(sizeof(CryptoKeyReader) == 8);

// ---- Configurations (layout: one shared pointer each). ----

class ClientConfiguration {
 public:
  ClientConfiguration &setAuth(const AuthenticationPtr &authentication);  // exported
  ClientConfiguration &setConnectionTimeout(int milliseconds);            // exported

 private:
  std::shared_ptr<struct ClientConfigurationImpl> impl_;
};
static_assert(sizeof(ClientConfiguration) == 16);

class ProducerConfiguration {
 public:
  enum BatchingType : uint8_t { DefaultBatching = 0, KeyBasedBatching = 1 };

  ProducerConfiguration &setSchema(const SchemaInfo &schema);                                // exported
  ProducerConfiguration &setBatchingType(BatchingType type);                                 // exported
  ProducerConfiguration &setCryptoKeyReader(std::shared_ptr<CryptoKeyReader> reader);        // exported
  ProducerConfiguration &addEncryptionKey(const std::string &keyName);                       // exported

 private:
  std::shared_ptr<struct ProducerConfigurationImpl> impl_;
};
static_assert(sizeof(ProducerConfiguration) == 16);

class ConsumerConfiguration {
 public:
  ConsumerConfiguration &setSchema(const SchemaInfo &schema);                          // exported
  ConsumerConfiguration &setKeySharedPolicy(const KeySharedPolicy &policy);            // exported
  ConsumerConfiguration &setCryptoKeyReader(std::shared_ptr<CryptoKeyReader> reader);  // exported
  void setReplicateSubscriptionStateEnabled(bool enabled);                             // exported

 private:
  std::shared_ptr<struct ConsumerConfigurationImpl> impl_;
};
static_assert(sizeof(ConsumerConfiguration) == 16);

// ---- Service addresses. ServiceInfo is passed by value, so its members and their order are fixed (layout). ----

class ServiceInfo {
 public:
  ServiceInfo(std::string serviceUrl, AuthenticationPtr authentication,
              std::optional<std::string> tlsTrustCertsFilePath);  // exported: all three by value

 private:
  std::string serviceUrl_;                            // offset 0
  bool useTls_;                                       // offset 32
  AuthenticationPtr authentication_;                  // offset 40
  std::optional<std::string> tlsTrustCertsFilePath_;  // offset 56
};
static_assert(sizeof(ServiceInfo) == 96);

class ServiceInfoProvider {
 public:
  virtual ~ServiceInfoProvider() = default;                                 // slots 0 and 1
  virtual ServiceInfo initialServiceInfo() = 0;                             // slot 2
  virtual void initialize(std::function<void(ServiceInfo)> onChange) = 0;   // slot 3
};
static_assert(sizeof(ServiceInfoProvider) == 8);

class AutoClusterFailover final : public ServiceInfoProvider {
 public:
  // addon: fills the three public numbers and reads checkInterval's default.
  struct Config {
    const ServiceInfo primary;                       // offset 0
    const std::vector<ServiceInfo> secondary;        // offset 96
    std::chrono::milliseconds checkInterval{5000};   // offset 120
    uint32_t failoverThreshold = 1;                  // offset 128
    uint32_t switchBackThreshold = 1;                // offset 132

    Config(ServiceInfo primaryService, std::vector<ServiceInfo> secondaryServices)
        : primary(std::move(primaryService)), secondary(std::move(secondaryServices)) {}
  };

  explicit AutoClusterFailover(Config &&config);  // exported
  ~AutoClusterFailover() override;                // exported

  ServiceInfo initialServiceInfo() override;                              // exported
  void initialize(std::function<void(ServiceInfo)> onChange) override;    // exported

 private:
  std::shared_ptr<class AutoClusterFailoverImpl> impl_;  // offset 8
};
static_assert(sizeof(AutoClusterFailover) == 24);
static_assert(sizeof(AutoClusterFailover::Config) == 136);

class Client {
 public:
  static Client create(std::unique_ptr<ServiceInfoProvider> provider,
                       const ClientConfiguration &configuration);  // exported

 private:
  std::shared_ptr<class ClientImpl> impl_;
};
static_assert(sizeof(Client) == 16);

// ---- Messages. ----

// One data key with which a message is encrypted. addon: reads the three members in place.
struct EncryptionKey {
  std::string key;                                        // offset 0
  std::string value;                                      // offset 32
  std::unordered_map<std::string, std::string> metadata;  // offset 64
};
static_assert(sizeof(EncryptionKey) == 120);

// The library creates it; the addon reads it through these accessors, which are not exported and hence inline here.
class EncryptionContext {
 public:
  const std::vector<EncryptionKey> &keys() const noexcept { return keys_; }
  const std::string &param() const noexcept { return param_; }
  const std::string &algorithm() const noexcept { return algorithm_; }
  CompressionType compressionType() const noexcept { return compressionType_; }
  uint32_t uncompressedMessageSize() const noexcept { return uncompressedMessageSize_; }
  int32_t batchSize() const noexcept { return batchSize_; }
  bool isDecryptionFailed() const noexcept { return isDecryptionFailed_; }

 private:
  std::vector<EncryptionKey> keys_;    // offset 0
  std::string param_;                  // offset 24
  std::string algorithm_;              // offset 56
  CompressionType compressionType_;    // offset 88
  uint32_t uncompressedMessageSize_;   // offset 92
  int32_t batchSize_;                  // offset 96
  bool isDecryptionFailed_;            // offset 100
};
static_assert(sizeof(EncryptionContext) == 104);

class MessageBuilder {
 private:
  std::shared_ptr<class MessageImpl> impl_;
};
static_assert(sizeof(MessageBuilder) == 16);

class Message {
 public:
  std::optional<const EncryptionContext *> getEncryptionContext() const;  // exported

 private:
  std::shared_ptr<class MessageImpl> impl_;
};
static_assert(sizeof(Message) == 16);

}  // namespace pulsar

#pragma GCC visibility pop

#endif
