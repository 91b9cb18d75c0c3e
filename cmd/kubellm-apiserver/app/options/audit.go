package options

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	auditv1 "k8s.io/apiserver/pkg/apis/audit/v1"
	"k8s.io/apiserver/pkg/audit/policy"
	genericoptions "k8s.io/apiserver/pkg/server/options"
	pluginlog "k8s.io/apiserver/plugin/pkg/audit/log"
	pluginwebhook "k8s.io/apiserver/plugin/pkg/audit/webhook"
)

// minimalPolicy 是最小而有用的审计策略：谁对什么做了什么，不含请求体。
const minimalPolicy = `{"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": [{"level": "Metadata"}]}`

// validateAudit 代替上游的检查：那里的话不点名参数，也只查用得上的；留着错误的值，日后一开审计就撞上。
func (o *Options) validateAudit() []error {
	log, webhook := &o.Audit.LogOptions, &o.Audit.WebhookOptions
	errs := append(o.validateAuditPolicy(), readable("--audit-webhook-config-file", webhook.ConfigFile))
	errs = append(errs, validateAuditBackend(pluginlog.PluginName, log.BatchOptions, log.TruncateOptions, log.GroupVersionString)...)
	errs = append(errs, validateAuditBackend(pluginwebhook.PluginName, webhook.BatchOptions, webhook.TruncateOptions, webhook.GroupVersionString)...)
	if !slices.Contains(pluginlog.AllowedFormats, log.Format) {
		errs = append(errs, fmt.Errorf("--audit-log-format %q: must be one of %s", log.Format, strings.Join(pluginlog.AllowedFormats, ", ")))
	}
	errs = append(errs,
		notNegative("--audit-log-maxage", log.MaxAge),
		notNegative("--audit-log-maxbackup", log.MaxBackups),
		notNegative("--audit-log-maxsize", log.MaxSize))
	return present(errs)
}

// validateAuditPolicy 不让审计不声不响地关着：没有策略，上游一条也不记，也不说。
func (o *Options) validateAuditPolicy() []error {
	var sinks []string
	if o.Audit.LogOptions.Path != "" {
		sinks = append(sinks, "--audit-log-path")
	}
	if o.Audit.WebhookOptions.ConfigFile != "" {
		sinks = append(sinks, "--audit-webhook-config-file")
	}
	file := o.Audit.PolicyFile
	switch {
	case file == "" && len(sinks) == 0:
		return nil
	case file == "":
		return []error{fmt.Errorf("--audit-policy-file: is required with %s, for without a policy nothing would be recorded: "+
			"to record who did what, without bodies, write %s to a file and name that file here", strings.Join(sinks, " and "), minimalPolicy)}
	}
	var errs []error
	if _, err := policy.LoadPolicyFromFile(file); err != nil {
		errs = append(errs, fmt.Errorf("--audit-policy-file %s: %w", file, err))
	}
	if len(sinks) == 0 {
		errs = append(errs, errors.New("--audit-policy-file: needs --audit-log-path or --audit-webhook-config-file, for nothing would be recorded anywhere"))
	}
	return errs
}

// validateAuditBackend 检查一个去处的参数；plugin 是参数名里的那一段。批量的参数只在成批送时有意义，日志的默认值在那之外并不成立。
func validateAuditBackend(plugin string, batch genericoptions.AuditBatchOptions, truncate genericoptions.AuditTruncateOptions, version string) []error {
	flag := "--audit-" + plugin
	var errs []error
	if !slices.Contains(genericoptions.AllowedModes, batch.Mode) {
		errs = append(errs, fmt.Errorf("%s-mode %q: must be one of %s", flag, batch.Mode, strings.Join(genericoptions.AllowedModes, ", ")))
	}
	if config := batch.BatchConfig; batch.Mode == genericoptions.ModeBatch {
		errs = append(errs, positive(flag+"-batch-buffer-size", config.BufferSize), positive(flag+"-batch-max-size", config.MaxBatchSize))
		if config.ThrottleEnable {
			errs = append(errs, positive(flag+"-batch-throttle-qps", config.ThrottleQPS), positive(flag+"-batch-throttle-burst", config.ThrottleBurst))
		}
	}
	sizes := truncate.TruncateConfig
	errs = append(errs, positive(flag+"-truncate-max-event-size", sizes.MaxEventSize))
	if sizes.MaxBatchSize < sizes.MaxEventSize {
		errs = append(errs, fmt.Errorf("%s-truncate-max-batch-size %d: must not be less than %s-truncate-max-event-size %d", flag, sizes.MaxBatchSize, flag, sizes.MaxEventSize))
	}
	if version != auditv1.SchemeGroupVersion.String() {
		errs = append(errs, fmt.Errorf("%s-version %q: must be %s", flag, version, auditv1.SchemeGroupVersion))
	}
	return errs
}
