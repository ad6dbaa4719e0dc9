//! Why something is not carried over, in words that say what to do instead.

/// What says nothing about what happens: names for people, and what Terraform itself reads.
pub(crate) fn is_quiet(name: &str) -> bool {
    const QUIET: [&str; 18] = [
        "name",
        "name_prefix",
        "alarm_name",
        "description",
        "alarm_description",
        "tags",
        "tags_all",
        "tag",
        "tag_specifications",
        "count",
        "for_each",
        "depends_on",
        "lifecycle",
        "provider",
        "timeouts",
        "family",
        "region",
        "availability_zone",
    ];
    QUIET.contains(&name)
}

/// Why an attribute or block of a carried over resource is not.
pub(crate) fn of_attribute(name: &str) -> String {
    let why = match name {
        "subnets"
        | "subnet_mapping"
        | "vpc_id"
        | "vpc_zone_identifier"
        | "availability_zones"
        | "network_configuration"
        | "network_interfaces"
        | "vpc_security_group_ids"
        | "network_mode" => "the balancer and its instances use the network of the machine that they run on",
        "access_logs" | "connection_logs" => "set `[access-log]` instead",
        "instance_type"
        | "image_id"
        | "ami"
        | "requires_compatibilities"
        | "launch_type"
        | "platform_version"
        | "capacity_provider_strategy"
        | "instance_market_options"
        | "credit_specification"
        | "ebs_optimized"
        | "block_device_mappings"
        | "placement"
        | "cpu_options"
        | "capacity_rebalance"
        | "runtime_platform" => {
            "instances are processes of this machine; `launch-template.process.limits` says what each may use"
        }
        "iam_instance_profile"
        | "execution_role_arn"
        | "task_role_arn"
        | "iam_role"
        | "role_arn"
        | "service_linked_role_arn" => "there are no roles here: `user` says whom instances run as",
        "key_name" | "enable_execute_command" => "there is nothing to log in to",
        "monitoring" | "enabled_metrics" | "metrics_granularity" => "every metric is measured every second",
        "egress" => "connections outward are not limited",
        "enable_deletion_protection"
        | "force_delete"
        | "wait_for_capacity_timeout"
        | "update_default_version"
        | "create_before_destroy"
        | "wait_for_steady_state"
        | "force_new_deployment"
        | "revoke_rules_on_delete" => "about how AWS keeps the resource",
        "max_instance_lifetime" => "instances have no age limit; `equipoise asg refresh` replaces them",
        "mutual_authentication" => "set `tls.client-auth` with the CA's file",
        "load_balancing_cross_zone_enabled" | "enable_cross_zone_load_balancing" | "service_registries" => {
            "there is one zone, this machine"
        }
        _ => "it has no counterpart",
    };
    why.to_owned()
}

/// Why a resource is not carried over.
pub(crate) fn of_resource(kind: &str) -> String {
    let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| kind.starts_with(prefix));
    let why = match kind {
        "aws_lb" => "no listener uses it",
        "aws_launch_template" | "aws_launch_configuration" => "no Auto Scaling group uses it",
        "aws_ecs_task_definition" => "no service uses it",
        "aws_autoscaling_policy" | "aws_appautoscaling_policy" | "aws_appautoscaling_target" => {
            "the group that it scales is not in these files"
        }
        "aws_lb_listener_rule" => "its listener is not in these files",
        "aws_lb_listener_certificate" => "add the certificate's files to `tls.certificates` of the listener",
        "aws_autoscaling_lifecycle_hook" => {
            "a hook is a program or a URL here: `[scaling-group.NAME.hook.NAME]`; nothing can be made of an SNS topic or a queue"
        }
        "aws_autoscaling_notification" => "give alarms an `on-alarm = [{ webhook = \"…\" }]` instead",
        "aws_ecs_cluster" | "aws_ecs_cluster_capacity_providers" | "aws_ecs_capacity_provider" => {
            "this machine is the cluster"
        }
        "aws_instance" | "aws_spot_instance_request" => "an instance by itself: name it in `targets` of its group",
        "aws_eip" => "a listener's `bind` says its address",
        "aws_acm_certificate" | "aws_acm_certificate_validation" | "aws_iam_server_certificate" => {
            "certificates are files here: `tls.certificates` of a listener"
        }
        "aws_wafv2_web_acl" | "aws_wafv2_web_acl_association" => {
            "there is no firewall for requests; plugins can refuse them"
        }
        _ if starts(&["aws_iam_"]) => "nothing here needs rights at AWS",
        _ if starts(&[
            "aws_vpc",
            "aws_subnet",
            "aws_route",
            "aws_internet_gateway",
            "aws_nat_gateway",
            "aws_network_acl",
            "aws_default_",
            "aws_egress_only",
        ]) =>
        {
            "the network is the one of the machine"
        }
        _ if starts(&["aws_route53_"]) => "names in DNS have to point to this machine",
        _ if starts(&["aws_cloudwatch_log", "aws_s3_"]) => "logs are files of this machine: `[access-log]`",
        _ if starts(&["aws_cloudwatch_"]) => "graphs are read from the metrics page",
        _ if starts(&["aws_sns_", "aws_sqs_"]) => "nothing is sent to AWS; alarms can post to a webhook",
        _ if starts(&["aws_ecr_"]) => "images stay where they are",
        _ if starts(&["aws_security_group", "aws_vpc_security_group"]) => {
            "no load balancer uses it; instances listen on 127.0.0.1, where only this machine reaches them"
        }
        _ if starts(&["aws_"]) => "it has no counterpart",
        _ => "it is not of AWS",
    };
    why.to_owned()
}
